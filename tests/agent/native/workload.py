"""A target program: allocates objects of every common kind, one kind a line, under the sampler and tracemalloc at once.

Prints, for each line that holds more than 1 MiB by tracemalloc's count, as JSON: [line, exact bytes, exact blocks,
estimated bytes, estimated blocks, standard error]. tracemalloc is started last, so its hooks call the sampler's and
both see the same blocks.
"""

import array
import json
import sys
import tracemalloc
from collections import deque
from dataclasses import dataclass

from heaptide import tracemalloc_ng


class Plain:
    def __init__(self, number):
        self.number = number


@dataclass
class Slotted:
    __slots__ = ("a", "b")
    a: int
    b: int


def grow(make, add, steps):
    grown = []
    for _ in range(200):
        block = make()
        for step in range(steps):
            add(block, step)
        grown.append(block)
    return grown


def allocate(kept, count):
    kept.append([10**9 + i for i in range(6 * count)])
    kept.append([float(i) for i in range(6 * count)])
    kept.append([str(i) * 3 for i in range(3 * count)])
    kept.append(["ü" * (i % 2000) for i in range(count // 4)])
    kept.append([bytes(i % 300 + 40) for i in range(count)])
    kept.append([bytes(200_000) for i in range(40)])
    kept.append([bytearray(i % 3000 + 40) for i in range(count // 5)])
    kept.append([[None] * (i % 30 + 1) for i in range(count)])
    kept.append([{i: i, -i: None} for i in range(count // 2)])
    kept.append([{str(j): j for j in range(100)} for _ in range(count // 100)])
    kept.append([(i, i + 1, i + 2) for i in range(count)])
    kept.append([{i, i + 1, i + 2} for i in range(count // 3)])
    kept.append([Plain(i) for i in range(count)])
    kept.append([Slotted(i, i) for i in range(2 * count)])
    kept.append([array.array("d", bytes(80_000)) for _ in range(60)])
    kept.append([memoryview(bytes(100_000)) for _ in range(40)])
    kept.append([deque(range(100)) for _ in range(count // 100)])
    kept.append([lambda i=i: i for i in range(count // 2)])
    kept.append(grow(list, lambda block, step: block.append(step), 3000))
    kept.append(grow(bytearray, lambda block, step: block.extend(b"x" * 100), 100))
    kept.append(grow(dict, lambda block, step: block.setdefault(step), 500))


def estimated_by_line(file):
    sums = {}
    for estimate in tracemalloc_ng.estimates():
        frames = tracemalloc_ng.stack_frames(estimate.key)
        if frames and frames[0][0] == file:
            line = sums.setdefault(frames[0][2], [0.0, 0.0, 0.0])
            line[0] += estimate.bytes
            line[1] += estimate.blocks
            line[2] += estimate.variance_bytes2
    return sums


def exact_by_line(file):
    """tracemalloc's own statistics take ten times as long for a million blocks."""
    sums = {}
    for _domain, size, frames, _depth in tracemalloc.take_snapshot().traces._traces:
        if frames[0][0] == file:
            line = sums.setdefault(frames[0][1], [0, 0])
            line[0] += size
            line[1] += 1
    return sums


def main(interval, count, seed):
    tracemalloc_ng.start(1, interval, samples_per_s=1e12, table_bytes=1 << 26)
    tracemalloc_ng._sampler.seed(seed)
    tracemalloc.start(1)
    kept = []
    allocate(kept, count)
    estimated = estimated_by_line(__file__)
    rows = []
    for line, (size, blocks) in exact_by_line(__file__).items():
        if size > 1 << 20:
            estimated_size, estimated_blocks, variance = estimated.get(line, [0.0, 0.0, 0.0])
            rows.append([line, size, blocks, estimated_size, estimated_blocks, variance**0.5])
    print(json.dumps(rows))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
