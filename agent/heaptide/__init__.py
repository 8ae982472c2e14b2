"""Heaptide's agent: samples allocations and counts objects in the process that imports it."""

__version__ = "0.1.0"
