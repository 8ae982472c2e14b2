"""From bytes on the network to validated reports."""
