"""No tracing: the object census and the vitals still tell of growth, but no line of code."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from heaptide.tracer.protocol import Look


class OffTracer:
    """Traces nothing: every look is a skipped one, and reports carry the name "off"."""

    name = "off"
    frames = 0

    def start(self) -> None:
        """Does nothing."""

    def take(self, *, survivor_age_s: float, most: int, keep: frozenset[Hashable]) -> Look | None:  # noqa: ARG002
        """Returns None: there is nothing to look at."""
        return None

    def set_rate(self, sample_bytes: int | None) -> None:
        """Does nothing: a process whose tracer is off is never traced from afar."""

    def stop(self) -> None:
        """Does nothing."""
