"""tracemalloc's own snapshot, over estimates: one trace stands for all blocks of a stack."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence

from heaptide.tracemalloc_ng import _sampler
from heaptide.tracemalloc_ng.estimates import StackEstimate

Frames = tuple[tuple[str, int], ...]
# (domain, size, frames with the allocation first, depth of the whole stack where it is known)
RawTrace = tuple[int, int, Frames, None]

# What tracemalloc calls an allocation outside of all Python code.
_NO_FRAMES: Frames = (("<unknown>", 0),)
_DOMAIN = 0


class Snapshot(tracemalloc.Snapshot):
    """A snapshot whose statistics count the blocks that each trace stands for.

    tracemalloc counts a trace as one block. So a second snapshot with the same traces holds blocks where this one holds
    bytes, and lends its sums as counts.

    Args:
        traces: one for each stack, with its bytes as size.
        blocks: the same traces with their blocks as size.
        traceback_limit: most frames of a trace.
    """

    def __init__(self, traces: Sequence[RawTrace], blocks: Sequence[RawTrace], traceback_limit: int) -> None:
        super().__init__(traces, traceback_limit)
        self._blocks = tracemalloc.Snapshot(blocks, traceback_limit)

    def filter_traces(self, filters: Iterable[tracemalloc.DomainFilter | tracemalloc.Filter]) -> Snapshot:
        """Keeps the traces that pass the filters, as `tracemalloc.Snapshot.filter_traces` does."""
        chosen = list(filters)
        kept = Snapshot((), (), self.traceback_limit)
        kept.traces = super().filter_traces(chosen).traces
        kept._blocks = self._blocks.filter_traces(chosen)
        return kept

    def statistics(self, key_type: str, cumulative: bool = False) -> list[tracemalloc.Statistic]:
        """Groups the traces, as `tracemalloc.Snapshot.statistics` does; sizes and counts are estimates."""
        statistics = super().statistics(key_type, cumulative)
        blocks = {group.traceback: group.size for group in self._blocks.statistics(key_type, cumulative)}
        for statistic in statistics:
            statistic.count = blocks[statistic.traceback]
        return statistics

    def compare_to(  # type: ignore[override]  # an exact snapshot counts blocks in another way
        self, old_snapshot: Snapshot, key_type: str, cumulative: bool = False
    ) -> list[tracemalloc.StatisticDiff]:
        """Compares with an older snapshot, as `tracemalloc.Snapshot.compare_to` does."""
        differences = super().compare_to(old_snapshot, key_type, cumulative)
        compared = self._blocks.compare_to(old_snapshot._blocks, key_type, cumulative)
        blocks = {group.traceback: group for group in compared}
        for difference in differences:
            group = blocks[difference.traceback]
            difference.count, difference.count_diff = group.size, group.size_diff
        return differences


def snapshot_of(estimates: Iterable[StackEstimate], traceback_limit: int) -> Snapshot:
    """Makes a snapshot of the stacks that hold anything."""
    traces: list[RawTrace] = []
    blocks: list[RawTrace] = []
    for estimate in estimates:
        if estimate.blocks:
            frames = _frames_of(estimate.key)
            traces.append((_DOMAIN, round(estimate.bytes), frames, None))
            blocks.append((_DOMAIN, round(estimate.blocks), frames, None))
    return Snapshot(traces, blocks, traceback_limit)


def traceback_of(key: int) -> tracemalloc.Traceback:
    """The stack of this key as tracemalloc's traceback."""
    return tracemalloc.Traceback(_frames_of(key))


def _frames_of(key: int) -> Frames:
    frames = _sampler.frames(key)
    return tuple((file, line) for file, _function, line in frames) if frames else _NO_FRAMES
