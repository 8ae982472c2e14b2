"""tracemalloc's own snapshot, over estimates: one trace stands for all blocks of a stack."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable
from typing import Any

from heaptide.tracemalloc_ng import _sampler
from heaptide.tracemalloc_ng.estimates import StackEstimate

Frames = tuple[tuple[str, int], ...]

# What tracemalloc calls an allocation outside of all Python code.
_NO_FRAMES: Frames = (("<unknown>", 0),)
_DOMAIN = 0


class StackTrace(tuple[Any, ...]):
    """A trace as tracemalloc keeps it, (domain, size, frames, depth), that stands for `blocks` blocks."""

    blocks: int


class Snapshot(tracemalloc.Snapshot):
    """A snapshot whose statistics count the blocks that each trace stands for."""

    def filter_traces(self, filters: Iterable[tracemalloc.Filter | tracemalloc.DomainFilter]) -> Snapshot:
        """Keeps the traces that pass the filters, as `tracemalloc.Snapshot.filter_traces` does."""
        kept = super().filter_traces(list(filters))
        return Snapshot(list(kept.traces._traces), self.traceback_limit)

    def _group_by(self, key_type: str, cumulative: bool) -> dict[tracemalloc.Traceback, tracemalloc.Statistic]:
        """Groups twice, the second time with blocks in the place of bytes: tracemalloc counts a trace as one block."""
        grouped = super()._group_by(key_type, cumulative)
        counts = [(trace[0], trace.blocks, *trace[2:]) for trace in self.traces._traces]
        blocks = tracemalloc.Snapshot(counts, self.traceback_limit)._group_by(key_type, cumulative)
        for traceback, statistic in grouped.items():
            statistic.count = blocks[traceback].size
        return grouped


def snapshot_of(estimates: Iterable[StackEstimate], traceback_limit: int) -> Snapshot:
    """Makes a snapshot of the stacks that hold anything."""
    traces = [_trace_of(estimate) for estimate in estimates if estimate.blocks]
    return Snapshot(traces, traceback_limit)


def traceback_of(key: int) -> tracemalloc.Traceback:
    """The stack of this key as tracemalloc's traceback."""
    return tracemalloc.Traceback(_frames_of(key))


def _trace_of(estimate: StackEstimate) -> StackTrace:
    trace = StackTrace((_DOMAIN, round(estimate.bytes), _frames_of(estimate.key), None))
    trace.blocks = round(estimate.blocks)
    return trace


def _frames_of(key: int) -> Frames:
    frames = _sampler.frames(key)
    return tuple((file, line) for file, _function, line in frames) if frames else _NO_FRAMES
