"""The tracer for production: a Poisson sample of all allocations."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from heaptide import tracemalloc_ng
from heaptide.tracemalloc_ng import _sampler
from heaptide.tracemalloc_ng.estimates import StackEstimate, unpack
from heaptide.tracer.protocol import Look, RawFrame, StackStat

FRAMES = 32

_DISPLACED = (
    "another tool replaced Python's allocators after the sampling tracer had started: it sees no allocation any more,"
    " so it stopped"
)
# Stacks handled between two releases of the GIL: a few tenths of a millisecond.
_STEP = 128
# Long enough that a thread waiting for the GIL has it at once, not only after the interpreter's switch interval (5 ms).
_PAUSE_S = 0.0005
_OWN_FOLDER = os.path.dirname(os.path.dirname(__file__)) + os.sep

_Item = TypeVar("_Item")


class SamplingTracer:
    """Samples allocations by bytes (`heaptide.tracemalloc_ng`).

    Args:
        frames: most frames kept of a stack.
        sample_bytes: mean bytes between two samples while no budget is exceeded.
        samples_per_s: budget of samples a second.
        table_bytes: budget of bytes for samples and stacks.

    Raises:
        ImportError: the sampler isn't built for this interpreter.
    """

    name = "sampling"

    def __init__(
        self,
        *,
        frames: int = FRAMES,
        sample_bytes: int = tracemalloc_ng.SAMPLE_BYTES,
        samples_per_s: float = tracemalloc_ng.SAMPLES_PER_S,
        table_bytes: int = tracemalloc_ng.TABLE_BYTES,
    ) -> None:
        self.frames = frames
        self._sample_bytes = sample_bytes
        self._samples_per_s = samples_per_s
        self._table_bytes = table_bytes
        self._frames: dict[int, tuple[RawFrame, ...]] = {}
        self._displaced = False

    def start(self) -> None:
        """Begins to trace; goes on with the parent's samples in a forked process.

        Raises:
            RuntimeError: another tool has hooked the allocators.
        """
        _sampler.start(self.frames, self._sample_bytes, self._samples_per_s, self._table_bytes)

    def take(self, *, survivor_age_s: float, most: int, keep: frozenset[Hashable]) -> Look | None:
        """Looks at the live samples, in steps between which other threads run. See `Tracer.take`."""
        _sampler.ignore_thread()  # the agent's: what it allocates is no business of the service
        pauses = _Pauses()
        if not self._displaced and not _sampler.attached():
            _sampler.stop()
            self._displaced = True
        packed = _sampler.look(survivor_age_s, most, tuple(key for key in keep if isinstance(key, int)))
        pauses.pause()
        return self._look(unpack(packed), pauses)

    def set_rate(self, sample_bytes: int | None) -> None:
        """Changes the mean bytes between two samples; 0 pauses, None goes back to the rate of the start."""
        _sampler.set_interval(self._sample_bytes if sample_bytes is None else sample_bytes)

    def stop(self) -> None:
        """Stops sampling and frees the tables; the hooks stay, and cost next to nothing."""
        _sampler.stop()
        self._frames.clear()

    def _look(self, estimates: Iterator[StackEstimate], pauses: _Pauses) -> Look:
        other = _stat((), next(estimates))
        stacks = self._stacks(pauses.between(estimates))
        status = _sampler.status()
        return Look(
            stacks=stacks,
            other=other,
            sample_bytes=round(status["interval"]),
            traced_bytes=other.bytes + sum(stat.bytes for stat in stacks.values()),
            held_bytes=status["held_bytes"] + _size_of(self._frames),
            hold_s=pauses.longest_hold_s(),
            notes=self._notes(status["lost"]),
        )

    def _stacks(self, estimates: Iterable[StackEstimate]) -> dict[Hashable, StackStat]:
        """Resolves the stacks that hold anything; what heaptide itself allocated is left out."""
        stacks: dict[Hashable, StackStat] = {}
        frames_by_key: dict[int, tuple[RawFrame, ...]] = {}
        for estimate in estimates:
            if estimate.blocks:
                frames = frames_by_key[estimate.key] = self._frames_of(estimate.key)
                if frames and not frames[0][0].startswith(_OWN_FOLDER):
                    stacks[estimate.key] = _stat(frames, estimate)
        self._frames = frames_by_key
        return stacks

    def _notes(self, lost: int) -> tuple[str, ...]:
        if self._displaced:
            return (_DISPLACED,)
        return (f"{lost} samples found no room in the sampler's tables",) if lost else ()

    def _frames_of(self, key: int) -> tuple[RawFrame, ...]:
        known = self._frames.get(key)
        return known if known is not None else tracemalloc_ng.stack_frames(key)


class _Pauses:
    """Lets other threads have the GIL, and measures the longest time without."""

    def __init__(self) -> None:
        self._longest_s = 0.0
        self._since = time.perf_counter()

    def pause(self) -> None:
        self._longest_s = self.longest_hold_s()
        time.sleep(_PAUSE_S)
        self._since = time.perf_counter()

    def between(self, items: Iterable[_Item]) -> Iterator[_Item]:
        for index, item in enumerate(items, 1):
            yield item
            if index % _STEP == 0:
                self.pause()

    def longest_hold_s(self) -> float:
        return max(self._longest_s, time.perf_counter() - self._since)


def _stat(frames: tuple[RawFrame, ...], estimate: StackEstimate) -> StackStat:
    return StackStat(
        frames=frames,
        bytes=round(estimate.bytes),
        blocks=round(estimate.blocks),
        survivor_bytes=round(estimate.survivor_bytes),
        survivor_blocks=round(estimate.survivor_blocks),
        allocated_bytes=round(estimate.allocated_bytes),
        variance_bytes2=estimate.variance_bytes2,
    )


def _size_of(frames_by_key: dict[int, tuple[RawFrame, ...]]) -> int:
    """Bytes of the cached frames, without the names, which belong to the code objects."""
    frames = sum(sys.getsizeof(stack) + 64 * len(stack) for stack in frames_by_key.values())
    return sys.getsizeof(frames_by_key) + frames
