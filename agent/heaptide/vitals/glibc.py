"""What the C library's allocator says: memory in use, and memory that it holds free."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from heaptide.pacing import Pace

# mallinfo2 walks the free chunks of every arena under that arena's lock; where there are many, ask seldom.
_CHEAP_S = 0.005
_SHARE = 0.001

# struct mallinfo2, malloc.h of glibc 2.33 and later: ten size_t in this order.
_FIELDS = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)
# An allocator put before glibc's (jemalloc, mimalloc): glibc would answer for a heap that nobody uses.
_OTHER_ALLOCATORS = ("mallctl", "mi_version")
# Any interpreter takes more, so less says that yet another allocator serves it (tcmalloc, a sanitizer's).
_LEAST_USED_BYTES = 64 * 1024


class Malloc:
    """Asks glibc's `mallinfo2`; unknown with musl, with glibc before 2.33, and with another allocator preloaded."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, cost_clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._pace = Pace(share=_SHARE, free_s=_CHEAP_S, clock=clock, cost_clock=cost_clock)
        self._mallinfo2: Callable[[], Any] | None = None
        self._loaded = False

    def take(self) -> dict[str, float | None]:
        """Reads bytes in use (mapped blocks included) and bytes held free; nothing where unknown or not due."""
        if not self._loaded:
            self._mallinfo2, self._loaded = _load(), True
        if self._mallinfo2 is None or not self._pace.due():
            return {}
        with self._pace.spending():
            info = self._mallinfo2()
        used = info.uordblks + info.hblkhd
        return {"malloc_used_bytes": used, "malloc_free_bytes": info.fordblks} if used >= _LEAST_USED_BYTES else {}


def _load() -> Callable[[], Any] | None:
    try:
        import ctypes  # late: it takes milliseconds, and some builds lack it

        library = ctypes.CDLL(None)  # releases the GIL for the call
        if any(hasattr(library, symbol) for symbol in _OTHER_ALLOCATORS):
            return None
        mallinfo2 = library.mallinfo2
    except (ImportError, OSError, AttributeError):
        return None
    fields = [(name, ctypes.c_size_t) for name in _FIELDS]
    mallinfo2.restype = type("MallInfo2", (ctypes.Structure,), {"_fields_": fields})
    mallinfo2.argtypes = []
    return mallinfo2
