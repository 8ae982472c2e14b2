"""The one switch behind all hooks: a library is hooked once in a process, and tells whoever records now."""

from __future__ import annotations

from heaptide.probes.pools.recorder import Recorder


class Switch:
    """Attributes: `recorder`, who is told; None lets everything pass. `hooked`, the libraries hooked so far."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.hooked: set[str] = set()

    def on(self) -> Recorder | None:
        """Who is to be told now."""
        recorder = self.recorder
        return recorder if recorder is not None and recorder.works else None


SWITCH = Switch()
