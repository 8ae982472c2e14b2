"""Sampling allocations with the standard library's `tracemalloc` interface, cheap enough to leave on in production.

Every function means what its namesake in `tracemalloc` means, but for two things: sizes and counts are unbiased
estimates from a random sample, and only a sampled object has a traceback. `estimates` adds what sampling allows
beside: survivors by age, bytes ever allocated, and how far an estimate may be off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from heaptide.tracemalloc_ng import _sampler
except ImportError as error:
    raise ImportError(
        f"heaptide's sampling tracer can't be used here ({error}). It needs CPython 3.10 to 3.13 with the GIL, and a"
        " wheel or a C compiler when heaptide is installed."
    ) from error

from heaptide.tracemalloc_ng.estimates import AGE_LIMITS_S, StackEstimate, unpack

if TYPE_CHECKING:
    from tracemalloc import Traceback

    from heaptide.tracemalloc_ng.snapshot import Snapshot

__all__ = [
    "AGE_LIMITS_S",
    "StackEstimate",
    "clear_traces",
    "estimates",
    "get_object_traceback",
    "get_traceback_limit",
    "get_traced_memory",
    "get_tracemalloc_memory",
    "is_tracing",
    "reset_peak",
    "sample_bytes",
    "stack_frames",
    "start",
    "stop",
    "take_snapshot",
]

# One sample per half a megabyte: 2,000 samples describe a heap of 1 GiB, and a site of 10 MiB is known to within 22 %.
SAMPLE_BYTES = 512 * 1024
# A sample and its free take 0.6 microseconds with warm caches and 32 frames: at this rate 0.3 % of one core.
SAMPLES_PER_S = 4000.0
# For samples and stacks together; 24,000 samples and some 4,000 stacks of 32 frames fit.
TABLE_BYTES = 4 * 1024 * 1024

_ALL_STACKS = 1 << 20


def start(
    nframe: int = 1,
    sample_bytes: float = SAMPLE_BYTES,
    *,
    samples_per_s: float = SAMPLES_PER_S,
    table_bytes: int = TABLE_BYTES,
) -> None:
    """Starts tracing; changes nothing where it runs already.

    Args:
        nframe: most frames kept of a stack, 1 to 512.
        sample_bytes: mean bytes allocated between two samples, 1 to 2**30. A block of this size is sampled with odds of
            63 %, one of three times the size with 95 %.
        samples_per_s: past this many samples a second the interval doubles; it falls again later. A line that takes a
            sixteenth of them alone is sampled less before, so that churn on a few lines blurs no other.
        table_bytes: past this many bytes of samples and stacks the interval doubles and the samples are thinned.

    Raises:
        RuntimeError: another tool has hooked the allocators.
        ValueError: an argument is out of its range.
        MemoryError: there was no memory for the tables.
    """
    _sampler.start(nframe, sample_bytes, samples_per_s, table_bytes)


def stop() -> None:
    """Stops tracing and forgets all samples."""
    _sampler.stop()


def is_tracing() -> bool:
    """True between `start` and `stop`."""
    return _sampler.status()["tracing"]


def sample_bytes() -> int:
    """Mean bytes between two samples now: the budgets raise it above what was asked for."""
    return round(_sampler.status()["interval"])


def clear_traces() -> None:
    """Forgets all samples and goes on tracing."""
    _sampler.clear()


def get_traced_memory() -> tuple[int, int]:
    """Estimates the live bytes of all blocks allocated since the start, and their peak."""
    status = _sampler.status()
    return round(status["live_bytes"]), round(status["peak_bytes"])


def reset_peak() -> None:
    """Sets the peak to what is live now."""
    _sampler.reset_peak()


def get_traceback_limit() -> int:
    """Most frames kept of a stack; 1 before the first start."""
    return _sampler.status()["frames"] or 1


def get_tracemalloc_memory() -> int:
    """Bytes that the tracer itself holds."""
    return _sampler.status()["held_bytes"]


def get_object_traceback(obj: object) -> Traceback | None:
    """Where this object was allocated; None where it wasn't sampled."""
    key = _sampler.key_of(obj)
    if key is None:
        return None
    from heaptide.tracemalloc_ng.snapshot import traceback_of

    return traceback_of(key)


def take_snapshot() -> Snapshot:
    """Takes a snapshot, one trace for each stack; its statistics count estimated bytes and blocks.

    Raises:
        RuntimeError: nothing is traced.
    """
    from heaptide.tracemalloc_ng.snapshot import snapshot_of

    _demand_tracing()
    return snapshot_of(unpack(_sampler.look(0.0, _ALL_STACKS, ())), get_traceback_limit())


def estimates(survivor_age_s: float = 60.0) -> list[StackEstimate]:
    """Estimates what each stack holds and ever allocated, largest first; key 0 is what has no stack.

    Args:
        survivor_age_s: age in seconds past which a block counts as a survivor.

    Raises:
        RuntimeError: nothing is traced.
    """
    _demand_tracing()
    found = list(unpack(_sampler.look(survivor_age_s, _ALL_STACKS, ())))
    found.sort(key=lambda estimate: estimate.bytes, reverse=True)
    return found


def stack_frames(key: int) -> tuple[tuple[str, str, int], ...]:
    """Resolves an estimate's key to (file, function, line), allocation first; () where the stack is gone or unknown."""
    return _sampler.frames(key) or ()


def _demand_tracing() -> None:
    if not is_tracing():
        raise RuntimeError("heaptide.tracemalloc_ng isn't tracing: call its start() first")


def __getattr__(name: str) -> object:
    """Hands out tracemalloc's classes; they are imported at the first use, because they bring pickle with them."""
    if name == "Snapshot":
        from heaptide.tracemalloc_ng.snapshot import Snapshot

        return Snapshot
    if name in {"BaseFilter", "DomainFilter", "Filter", "Frame", "Statistic", "StatisticDiff", "Trace", "Traceback"}:
        import tracemalloc

        return getattr(tracemalloc, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
