"""Counters of what the watch has seen, cumulative since it found the loop."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class Totals:
    """Sums over all stalls.

    Attributes:
        loop: the loop's package; None while none was found.
        since: when it was found, in seconds since the epoch.
        stalls: times the loop was held up.
        stalled_s: seconds of them in all.
        longest_s: the longest.
        crowded: those of `stalls` in which no single step took long: the loop has more to do than it can.
        crowded_s: their seconds.
        starved: those in which the loop had no CPU for most of the time: others had it, or a quota was spent.
        starved_s: their seconds.
        held_count: times another thread held the GIL, so that nothing else could run.
        held_s: their seconds.
        cpu_s: CPU seconds that the watch itself used.
    """

    loop: str | None = None
    since: float = 0.0
    stalls: int = 0
    stalled_s: float = 0.0
    longest_s: float = 0.0
    crowded: int = 0
    crowded_s: float = 0.0
    starved: int = 0
    starved_s: float = 0.0
    held_count: int = 0
    held_s: float = 0.0
    cpu_s: float = 0.0

    def attached(self, kind: str) -> None:
        """A loop was found."""
        self.loop = kind
        self.since = self.since or time.time()

    def stalled(self, duration_s: float, starved_s: float, *, blocked: bool) -> None:
        """The loop was held up; `blocked` if a step is to blame."""
        self.stalls += 1
        self.stalled_s += duration_s
        self.longest_s = max(self.longest_s, duration_s)
        if not blocked and starved_s > duration_s / 2:
            self.starved += 1
            self.starved_s += duration_s
        elif not blocked:
            self.crowded += 1
            self.crowded_s += duration_s

    def held(self, late_s: float) -> None:
        """Another thread held the GIL."""
        self.held_count += 1
        self.held_s += late_s
