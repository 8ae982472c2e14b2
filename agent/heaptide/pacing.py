"""Keeps a costly reading within a share of time, by spacing it out after it was dear."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """Says when a reading is due again, from what its last run cost.

    Args:
        share: the greatest part of the time that the reading may take, 0.01 for one hundredth.
        free_s: a run that costs no more than this, in seconds, is never spaced out.
        clock: seconds that pass for everyone.
        cost_clock: seconds that a run costs; by default the calling thread's own CPU time.

    Attributes:
        spacing_s: seconds that the last run asked for until the next; 0 where it was cheap.
    """

    def __init__(
        self,
        *,
        share: float,
        free_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        cost_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.spacing_s = 0.0
        self._share = share
        self._free_s = free_s
        self._clock = clock
        self._cost_clock = cost_clock
        self._due_at = float("-inf")

    def due(self) -> bool:
        """Says whether enough time has passed since the last run."""
        return self._clock() >= self._due_at

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Measures one run, the block under `with`, and sets when the next is due, even if the run failed."""
        began = self._cost_clock()
        try:
            yield
        finally:
            cost_s = self._cost_clock() - began
            self.spacing_s = cost_s / self._share if cost_s > self._free_s else 0.0
            self._due_at = self._clock() + self.spacing_s
