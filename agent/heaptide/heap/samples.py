"""The sampler's live samples of chosen stacks."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple

from heaptide.heap.breathing import breathing

# `ht_sample_row` in tracemalloc_ng/_native/look.c: address, size, interval, ordinal, key, age in seconds.
_ROW = struct.Struct("=QQdQQd")

# Bounds of the age histogram, in seconds, each under the name of the ages below it; the last one has no bound.
AGES = (("under_1_min", 60.0), ("under_5_min", 300.0), ("under_30_min", 1800.0), ("under_2_h", 7200.0))
OLDER = "older"


class Sample(NamedTuple):
    """A sampled block that lives.

    Attributes:
        address: the block's.
        size: bytes asked for.
        ordinal: samples that the process had drawn before: tells two blocks apart that had the same address.
        key: its stack's.
        age_s: seconds since it was allocated.
        weight_bytes: bytes that it stands for.
        odds: with which it was drawn.
    """

    address: int
    size: int
    ordinal: int
    key: int
    age_s: float
    weight_bytes: float
    odds: float


def read(packed: bytes) -> list[Sample]:
    """All live samples, oldest first.

    Args:
        packed: rows as `_sampler.samples` packs them.
    """
    found = [_sample(*row) for row in breathing(_ROW.iter_unpack(packed))]
    found.sort(key=lambda sample: sample.ordinal)
    return found


def ordinals(packed: bytes) -> dict[int, int]:
    """Which sample lies at each address, by its ordinal."""
    return {row[0]: row[3] for row in breathing(_ROW.iter_unpack(packed))}


def _sample(address: int, size: int, interval: float, ordinal: int, key: int, age_s: float) -> Sample:
    odds = -math.expm1(-size / interval)
    return Sample(address, size, ordinal, key, age_s, size / odds, odds)


def ages(samples: Iterable[Sample]) -> dict[str, int]:
    """Live bytes (an estimate) by age."""
    sums = dict.fromkeys([*(name for name, _ in AGES), OLDER], 0.0)
    for sample in samples:
        sums[next((name for name, limit_s in AGES if sample.age_s < limit_s), OLDER)] += sample.weight_bytes
    return {name: round(value) for name, value in sums.items()}


Source = Callable[[], bytes]
