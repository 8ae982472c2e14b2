"""Garbage that awaits collection: an estimate from the live samples that a walk found to be held by nothing."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from heaptide.heap.answer import Found
from heaptide.heap.breathing import breathing
from heaptide.heap.samples import Sample

HOLDS_S = 3600.0
GARBAGE = "g"


def full_collections() -> int:
    """How often the garbage collector has collected its oldest generation: all garbage of before is gone then."""
    return int(gc.get_stats()[-1]["collections"])


class Garbage:
    """The last estimate, for as long as it may hold. Used by the agent's thread alone.

    Args:
        collections: counts collections of the oldest generation.
        clock: monotonic seconds.
    """

    def __init__(
        self, collections: Callable[[], int] = full_collections, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._collections = collections
        self._clock = clock
        self._vitals: dict[str, float] = {}
        self._as_of = 0.0, 0

    def now(self) -> tuple[float, int]:
        """What an estimate is as of: to be asked before the walk."""
        return self._clock(), self._collections()

    def found(
        self, as_of: tuple[float, int], samples: Iterable[tuple[float, Sequence[Sample]]], fates: Mapping[int, Found]
    ) -> None:
        """Takes in what a walk found of samples.

        Args:
            as_of: what `now` said before the walk.
            samples: some samples, and how many samples each of them stands for, itself included.
            fates: by address; a sample without one was freed meanwhile.
        """
        mean = variance = 0.0
        for each, some in samples:
            for sample in _garbage(some, fates):
                stood_for = each * sample.weight_bytes
                mean += stood_for
                variance += stood_for**2 * (1 - sample.odds / each)  # Horvitz and Thompson
        self._as_of = as_of
        self._vitals = {"garbage_bytes": mean, "garbage_error_bytes": math.sqrt(variance)}

    def vitals(self) -> dict[str, float]:
        """The estimate and its standard error, by the names of their vitals; {} where there is none that holds."""
        at, collections = self._as_of
        if self._clock() - at > HOLDS_S or self._collections() != collections:
            self._vitals = {}
        return self._vitals


def _garbage(samples: Iterable[Sample], fates: Mapping[int, Found]) -> Iterable[Sample]:
    return (one for one in breathing(samples) if one.address in fates and fates[one.address].fate == GARBAGE)
