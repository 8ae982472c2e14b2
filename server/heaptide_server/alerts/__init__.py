"""From a leak's change of state to a signed webhook that arrived."""
