"""The static files, each at an address that changes with its content, so that a browser may keep it for good."""

from __future__ import annotations

import hashlib
from functools import cache

from heaptide_dashboards import STATIC

DIGITS = 12


@cache
def asset_url(name: str) -> str:
    """The address of a static file, such as `/static/heaptide.css?v=0f1e2d3c4b5a`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return f"/static/{name}?v={version(name)}"


@cache
def version(name: str) -> str:
    """The first digits of the hash of a static file's content."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:DIGITS]
