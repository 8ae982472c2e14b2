"""What Python's own allocator of small blocks holds: in use, and free but kept."""

from __future__ import annotations

import time
from collections.abc import Callable

from heaptide.pacing import Pace

try:
    from heaptide.heap import _walker
except ImportError:  # it wasn't built for this interpreter
    _walker = None  # type: ignore[assignment]

_CHEAP_S = 0.005
_SHARE = 0.001

# An arena is 1 MiB of 64 pools, whose headers are read one by one: under a millisecond without a break.
_ARENAS_A_STEP = 64
# Long enough that a thread waiting for the GIL has it at once.
_PAUSE_S = 0.0005
# CPython 3.10 and 3.11 sum up all pools in one go, at some 100 ns each: 5 ms for this much.
_MOST_BYTES_AT_ONCE = 800e6


class Pymalloc:
    """Reads pymalloc's arenas, where the heap walker was built: whole blocks, with what rounding adds to each.

    Memory of an arena that was never used isn't counted; CPython 3.10 and 3.11 count it as free, 1 MiB at the most.

    Args:
        clock: seconds that pass.
        cost_clock: seconds that one reading takes.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, cost_clock: Callable[[], float] = time.thread_time
    ) -> None:
        self._pace = Pace(share=_SHARE, free_s=_CHEAP_S, clock=clock, cost_clock=cost_clock)

    def take(self, rss_bytes: float | None) -> dict[str, float | None]:
        """Reads bytes in use and bytes held free; nothing where unknown, not due, or too many to read at once.

        Args:
            rss_bytes: the process's resident set: an upper bound of the arenas.
        """
        if _walker is None or not self._pace.due():
            return {}
        if not _walker.PYMALLOC_IN_STEPS and (rss_bytes is None or rss_bytes > _MOST_BYTES_AT_ONCE):
            return {}
        with self._pace.spending():
            return _sums()


def _sums() -> dict[str, float | None]:
    at, used, free = 0, 0, 0
    while told := _walker.pymalloc(at, _ARENAS_A_STEP):
        at, used, free = told[0], used + told[1], free + told[2]
        if not at:
            return {"pymalloc_used_bytes": used, "pymalloc_free_bytes": free}
        time.sleep(_PAUSE_S)
    return {}
