"""Probes: facts about what makes a service fail in production, one module or folder a probe."""
