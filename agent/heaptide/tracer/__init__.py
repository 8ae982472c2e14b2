"""Tracing allocations: which stack holds how much live memory."""
