"""Heaptide's pages: pure functions from plain data to figures and HTML. Knows neither store nor HTTP."""

from pathlib import Path

from heaptide_dashboards.policy import CSP

STATIC = Path(__file__).parent / "static"

__all__ = ["CSP", "STATIC"]
