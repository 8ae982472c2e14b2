"""Summing tracemalloc's blocks per stack, without an object for each block."""

from __future__ import annotations

import time
import tracemalloc
from collections import defaultdict
from typing import Any

# (file name, line), allocation first: what tracemalloc knows of a stack, and its key across looks.
Frames = tuple[tuple[str, int], ...]
# Bytes and blocks of one stack, added to in place.
Sums = list[int]

# The pause after a chunk lets a thread that waits for the GIL have it at once, not only after the interpreter's switch
# interval (5 ms).
_CHUNK = 10_000
_PAUSE_S = 0.0005
_TRACE_WIDTH = 4  # (domain, size, frames, total number of frames)


def group(snapshot: tracemalloc.Snapshot) -> dict[Frames, Sums]:
    """Sums the blocks of a snapshot per stack, and empties the snapshot as it goes.

    Makes no object for a block, as `Snapshot.statistics` does: while tracing is on each would itself be traced, at
    several microseconds. That needs private attributes; without them the public, slower way gives the same sums.
    """
    traces = getattr(snapshot.traces, "_traces", None)
    if not isinstance(traces, list) or (traces and len(traces[0]) != _TRACE_WIDTH):
        return _group_publicly(snapshot)
    groups: dict[Frames, Sums] = {}
    while traces:
        # From the end and at once let go of: freeing a million tuples in one go would hold the GIL.
        chunk = traces[-_CHUNK:]
        del traces[-_CHUNK:]
        _add(chunk, groups)
        del chunk
        time.sleep(_PAUSE_S)
    return groups


def _add(chunk: list[tuple[int, int, Frames, Any]], groups: dict[Frames, Sums]) -> None:
    # Sizes are collected first: adding them up one by one, or asking for a tuple's id, makes a number for each block.
    # A stack's tuple is shared by its blocks, so finding it in the table takes its hash, and no comparison.
    sizes: defaultdict[Frames, list[int]] = defaultdict(list)
    for _, size, frames, _ in chunk:
        sizes[frames].append(size)
    for frames, of_blocks in sizes.items():
        sums = groups.setdefault(frames, [0, 0])
        sums[0] += sum(of_blocks)
        sums[1] += len(of_blocks)


def _group_publicly(snapshot: tracemalloc.Snapshot) -> dict[Frames, Sums]:
    return {
        tuple((frame.filename, frame.lineno) for frame in reversed(tuple(stat.traceback))): [stat.size, stat.count]
        for stat in snapshot.statistics("traceback")
    }
