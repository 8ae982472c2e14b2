"""The thread pool in which sync endpoints run: how often it is full, who waits, and what its threads are busy with."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from heaptide.frames import Place, Site, current_frames, outward, site, users_call

MOST_HOLDERS = 5
_MOST_KEPT = 50
_HOLDERS_EACH_S = 1.0  # between two looks at the stacks of a full pool


class Threads:
    """Watches anyio's limiter.

    Waiting is summed over time, so the mean wait is that sum divided by the calls that waited (Little's law).

    Args:
        place: names files, see `heaptide.paths.Places`.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._total = 0.0
        self._most_borrowed = 0
        self._most_waiting = 0
        self._starved_s = 0.0
        self._waited_s = 0.0
        self._looks = 0
        self._threads = 0
        self._holders: Counter[Site] = Counter()
        self._last_at: float | None = None
        self._next_holders_at = 0.0

    def look(self, limiter: Any, at: float) -> None:
        """Looks at the limiter.

        Args:
            limiter: anyio's; None where there is none.
            at: monotonic seconds.
        """
        if limiter is None:
            return
        elapsed_s = 0.0 if self._last_at is None else at - self._last_at
        self._last_at = at
        self._total, borrowed = limiter.total_tokens, limiter.borrowed_tokens
        self._most_borrowed = max(self._most_borrowed, borrowed)
        if borrowed < self._total:
            return
        waiting = limiter.statistics().tasks_waiting
        self._most_waiting = max(self._most_waiting, waiting)
        if not waiting:
            return
        self._starved_s += elapsed_s
        self._waited_s += elapsed_s * waiting
        if at >= self._next_holders_at:
            self._next_holders_at = at + _HOLDERS_EACH_S
            self._count_holders(current_frames())

    def facts(self) -> dict[str, Any] | None:
        """What was seen; None where no limiter was."""
        if self._last_at is None:
            return None
        return {
            "total": self._total if self._total < float("inf") else None,
            "most_borrowed": self._most_borrowed,
            "most_waiting": self._most_waiting,
            "starved_s": round(self._starved_s, 3),
            "waited_s": round(self._waited_s, 3),
            "looks": self._looks,
            "threads": self._threads,
            "holders": [[*where, count] for where, count in self._holders.most_common(MOST_HOLDERS)],
        }

    def _count_holders(self, frames: Mapping[int, FrameType]) -> None:
        """Counts, over looks, in which of the user's functions the pool's threads stand."""
        self._looks += 1
        for frame in _pool_threads(frames):
            self._threads += 1
            call = users_call(frame, self._place)
            if call is not None:
                where = site(call, self._place)
                if where in self._holders or len(self._holders) < _MOST_KEPT:
                    self._holders[where] += 1


def _pool_threads(frames: Mapping[int, FrameType]) -> Iterator[FrameType]:
    backend = sys.modules.get("anyio._backends._asyncio")
    worker = getattr(backend, "WorkerThread", None)
    code = getattr(getattr(worker, "run", None), "__code__", None)
    for frame in frames.values():
        if any(one.f_code is code for one in outward(frame)):
            yield frame
