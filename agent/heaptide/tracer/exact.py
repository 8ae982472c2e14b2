"""Tracing every allocation, by the standard library's tracemalloc: exact, and dear in CPU time."""

from __future__ import annotations

import logging
import time
import tracemalloc
from collections.abc import Callable, Hashable

from heaptide.pacing import Pace
from heaptide.tracer.functions import FunctionNames
from heaptide.tracer.grouping import Frames, Sums, group
from heaptide.tracer.own import is_own
from heaptide.tracer.protocol import Look, RawFrame, StackStat

_log = logging.getLogger("heaptide")

DEFAULT_FRAMES = 6
# Looks may take this share of the time: exact tracing is asked for by people who accept its cost.
CPU_SHARE = 0.2
# Stacks whose names are kept from look to look; past it all are found anew.
MOST_REMEMBERED = 20_000

_NOT_OURS = "tracemalloc was already tracing, with {} frames: Heaptide reads it and leaves it on"
_BEGAN_ANEW = "tracing began anew after a pause: what was allocated before isn't known any more"


class ExactTracer:
    """Knows every live block that the interpreter's allocators gave out since `start`, but not their age.

    A tracemalloc that the application started itself is used as it is and never stopped. The agent's own blocks are
    left out.

    Args:
        frames: stack frames to keep of each allocation, 1 to 65,535.
        cpu_share: the greatest part of the time that looks may take; dearer ones are spaced out.
        clock: seconds that pass.
        cost_clock: CPU seconds of the calling thread.
    """

    name = "exact"

    def __init__(
        self,
        frames: int = DEFAULT_FRAMES,
        *,
        cpu_share: float = CPU_SHARE,
        clock: Callable[[], float] = time.monotonic,
        cost_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self.frames = frames
        self._pace = Pace(share=cpu_share, clock=clock, cost_clock=cost_clock)
        self._functions = FunctionNames()
        self._forget()
        self._owned = False
        self._looking = False
        self._paused = False
        self._notes: list[str] = []

    def start(self) -> None:
        """Begins to trace, or goes on with the tracing that is on already, as in a forked child."""
        if self._paused:
            return
        self._looking = True
        if not tracemalloc.is_tracing():
            tracemalloc.start(self.frames)
            self._owned = True
        elif not self._owned:
            self.frames = tracemalloc.get_traceback_limit()
            self._notes = [_NOT_OURS.format(self.frames)]

    def take(self, *, survivor_age_s: float, most: int, keep: frozenset[Hashable]) -> Look | None:  # noqa: ARG002
        """Looks at all live blocks; None while paused, stopped, or sparing CPU time. Ages aren't known."""
        if not self._looking or not self._pace.due():
            return None
        with self._pace.spending():
            began = time.perf_counter()
            try:
                snapshot = tracemalloc.take_snapshot()
            except RuntimeError:
                self._say_stopped()
                return None
            hold_s = time.perf_counter() - began
            return self._look(group(snapshot), most, keep, hold_s)

    def set_rate(self, sample_bytes: int | None) -> None:
        """Pauses for 0, forgetting all blocks where tracing is ours; resumes for any other value."""
        if sample_bytes == 0:
            self._paused = True
            self._end()
        elif self._paused:
            self._paused = False
            self.start()
            if self._owned:
                self._notes = [_BEGAN_ANEW]

    def stop(self) -> None:
        """Ends tracing if this tracer began it, and forgets the names it found."""
        self._end()
        self._functions = FunctionNames()
        self._forget()

    def _look(self, groups: dict[Frames, Sums], most: int, keep: frozenset[Hashable], hold_s: float) -> Look:
        if len(self._own) > MOST_REMEMBERED:
            self._forget()
        app = {frames: sums for frames, sums in groups.items() if not self._is_own(frames)}
        ranked = sorted(app.items(), key=lambda item: item[1][0], reverse=True)
        stacks: dict[Hashable, StackStat] = {}
        other = [0, 0]
        for rank, (key, (size, blocks)) in enumerate(ranked):
            if rank < most or key in keep:
                stacks[key] = self._stat(key, size, blocks)
            else:
                other[0] += size
                other[1] += blocks
        return Look(
            stacks=stacks,
            other=StackStat((), other[0], other[1], variance_bytes2=0.0),
            sample_bytes=None,
            traced_bytes=sum(size for size, _ in app.values()),
            held_bytes=tracemalloc.get_tracemalloc_memory(),
            hold_s=hold_s,
            notes=tuple(self._notes),
        )

    def _stat(self, key: Frames, size: int, blocks: int) -> StackStat:
        frames = self._named.get(key)
        if frames is None:
            frames = tuple((file, self._functions.of(file, line), line) for file, line in key)
            self._named[key] = frames
        return StackStat(frames, size, blocks, variance_bytes2=0.0)

    def _is_own(self, key: Frames) -> bool:
        own = self._own.get(key)
        if own is None:
            own = self._own[key] = is_own(key)
        return own

    def _forget(self) -> None:
        self._own: dict[Frames, bool] = {}
        self._named: dict[Frames, tuple[RawFrame, ...]] = {}

    def _end(self) -> None:
        self._looking = False
        if self._owned:
            tracemalloc.stop()
            self._owned = False

    def _say_stopped(self) -> None:
        self._looking = self._owned = False
        _log.warning("Heaptide's exact tracing ended: the application stopped tracemalloc.")
