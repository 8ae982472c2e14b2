"""What makes two looks see the same leak: its place without the line, which any edit above it shifts."""

from __future__ import annotations

import hashlib

from heaptide_server.model import Frame, Site


def fingerprint(service: str, environment: str, kind: str, place: str) -> str:
    """A leak's id: 16 hexadecimal digits, stable over lines, releases, restarts and workers."""
    text = "\0".join((service, environment, kind, place))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def place(site: Site) -> str | None:
    """Where sites of one leak meet: the innermost frame of the user's own code; None for "(other)".

    Sites that reach the same function of the user's on different ways, or through different lines of it, are one leak.
    """
    return _name(site.top) if site.top else None


def _name(frame: Frame) -> str:
    # Without a function's name the line is all that tells two places of a file apart.
    return f"{frame.file}\0{frame.function or frame.line}"
