"""The firing and resolved pair that a test sends."""

from __future__ import annotations

import secrets as randomness
from dataclasses import dataclass, replace

from heaptide_server.model import Frame, Leak, Site


@dataclass(frozen=True)
class Announcement:
    """A notice: what is told, and of which leak."""

    kind: str
    leak: Leak


def sample_pair(now: float) -> tuple[Announcement, Announcement]:
    """Two notices of kind leak.test of one invented leak, which fires and is resolved. Its id is new each time."""
    frames = (Frame("example/cache.py", "remember", 41, True), Frame("example/app.py", "index", 12, True))
    leak = Leak(
        id=f"test-{randomness.token_hex(8)}",
        service="heaptide-test",
        environment="test",
        kind="site",
        status="open",
        site=Site(0, frames),
        type_name="dict",
        bytes_per_hour=1 << 20,
        bytes_per_hour_low=1 << 19,
        bytes_per_hour_high=1 << 21,
        bytes_per_request=1024.0,
        live_bytes=8 << 20,
        survivor_bytes=None,
        workers=1,
        generations=1,
        confidence=1.0,
        first_seen=now,
        last_seen=now,
        release=None,
        evidence="Sent by hand to try this webhook.",
    )
    return Announcement("leak.test", leak), Announcement("leak.test", replace(leak, status="resolved"))
