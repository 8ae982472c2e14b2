"""A leak is an issue: stable identity, states, what people are told."""
