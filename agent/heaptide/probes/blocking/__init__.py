"""Who blocks the event loop, and whether the threads of sync endpoints are starved."""

from __future__ import annotations

from typing import Any

from heaptide.frames import Place
from heaptide.gate import Gate
from heaptide.paths import Places
from heaptide.probes.blocking.stalls import LEAST_STALL_S
from heaptide.probes.blocking.watch import Watch


class BlockingProbe:
    """Starts the watch when it is made. Facts, cumulative since the loop was found; {} until then.

    `tick_s` and `least_stall_s` are seconds; `loop`, `since` and the counts and sums are those of `totals.Totals`;
    `blockers` is a list of `blockers.Blocker`; `threads` is of `threads.Threads`, None where anyio isn't used.

    Args:
        gate: swallows what fails.
        place: names files.
    """

    name = "blocking"

    def __init__(self, gate: Gate, place: Place | None = None) -> None:
        self.watch = Watch(place or Places().place, gate)
        self.watch.start()

    def facts(self) -> dict[str, Any]:
        """What was seen so far."""
        totals = self.watch.totals
        if totals.loop is None:
            return {}
        return {
            "loop": totals.loop,
            "since": round(totals.since, 3),
            "tick_s": round(self.watch.tick_s, 2),
            "least_stall_s": LEAST_STALL_S,
            "stalls": totals.stalls,
            "stalled_s": round(totals.stalled_s, 3),
            "longest_s": round(totals.longest_s, 3),
            "crowded": totals.crowded,
            "crowded_s": round(totals.crowded_s, 3),
            "starved": totals.starved,
            "starved_s": round(totals.starved_s, 3),
            "held_count": totals.held_count,
            "held_s": round(totals.held_s, 3),
            "blockers": self.watch.blockers.facts(),
            "threads": self.watch.threads.facts(),
        }

    def cpu_s(self) -> float:
        """Seconds of CPU that the watch took."""
        return self.watch.totals.cpu_s

    def stop(self) -> None:
        """Ends the watch."""
        self.watch.stop()
