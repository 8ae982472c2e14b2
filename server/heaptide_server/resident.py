"""What a resident set is made of: from a worker's vitals and what its tracer knows. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from heaptide_server.model import Resident, Traced, Worker


def explained(workers: Iterable[Worker], traced: Mapping[int, Traced]) -> dict[int, Resident]:
    """What the resident set of each living worker is made of, by the store's worker id."""
    return {worker.id: explain(worker, traced.get(worker.id)) for worker in workers if worker.ended_at is None}


def explain(worker: Worker, traced: Traced | None) -> Resident:
    """What one worker's resident set is made of.

    Live in Python is at least what its allocator of small blocks has given out, which is known to the byte: a tracer
    knows nothing of what was allocated before it started. The native remainder is the resident set less the parts that
    are known; what isn't known is in it. It is at least 0: pages that were allocated but never written to, or that lie
    in swap, aren't resident.
    """
    vitals = worker.vitals
    rss = vitals.get("rss_bytes")
    python = max(float(traced.bytes), vitals.get("pymalloc_used_bytes") or 0.0) if traced else None
    free = vitals.get("malloc_free_bytes"), vitals.get("pymalloc_free_bytes")
    known = None if rss is None or python is None else rss - python - sum(part for part in free if part is not None)
    return Resident(
        rss_bytes=rss,
        python_bytes=python,
        python_error_bytes=traced.error_bytes if traced else None,
        garbage_bytes=vitals.get("garbage_bytes"),
        garbage_error_bytes=vitals.get("garbage_error_bytes"),
        malloc_free_bytes=free[0],
        pymalloc_free_bytes=free[1],
        native_bytes=None if known is None else max(0.0, known),
    )


def together(parts: Sequence[Resident]) -> Resident | None:
    """Several workers' parts added up; None for no worker, and a sum isn't known unless each of its parts is.

    Workers sample independently, so their errors add up in squares.
    """
    if not parts:
        return None
    return Resident(
        rss_bytes=_sum(part.rss_bytes for part in parts),
        python_bytes=_sum(part.python_bytes for part in parts),
        python_error_bytes=_error(part.python_error_bytes for part in parts),
        garbage_bytes=_sum(part.garbage_bytes for part in parts),
        garbage_error_bytes=_error(part.garbage_error_bytes for part in parts),
        malloc_free_bytes=_sum(part.malloc_free_bytes for part in parts),
        pymalloc_free_bytes=_sum(part.pymalloc_free_bytes for part in parts),
        native_bytes=_sum(part.native_bytes for part in parts),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    told = list(values)
    return None if None in told else sum(value for value in told if value is not None)


def _error(values: Iterable[float | None]) -> float | None:
    told = list(values)
    return None if None in told else math.hypot(*(value for value in told if value is not None))
