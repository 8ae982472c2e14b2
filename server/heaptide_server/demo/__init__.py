"""A leaking shop under a production server, found while you watch."""
