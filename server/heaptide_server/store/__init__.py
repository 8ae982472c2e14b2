"""Keeping what workers report: raw entries, rollups, totals."""
