"""What the sampler knows of one stack."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

# The bounds between the classes of `StackEstimate.age_bytes`, in seconds; `_native/look.c` sorts by the same.
AGE_LIMITS_S = (60.0, 300.0, 1800.0, 7200.0)

# `ht_row` in _native/look.c: the key and eight sums, then one sum for each class of age.
_ROW = struct.Struct(f"=Q8d{len(AGE_LIMITS_S) + 1}d")
_SUMS = 9


class StackEstimate(NamedTuple):
    """Estimates for one stack, all unbiased.

    Attributes:
        key: stands for the stack in this process, ascending, never used again; see `stack_frames`.
        bytes: live bytes.
        blocks: live blocks.
        survivor_bytes: live bytes older than the age asked for.
        survivor_blocks: live blocks older than the age asked for.
        inherited_bytes: live bytes that the parent had allocated before the process was forked.
        allocated_bytes: bytes allocated since the stack was first sampled, freed or not. A stack that holds nothing and
            isn't sampled between two looks is forgotten, and gets another key if it comes back.
        allocated_blocks: blocks allocated since the stack was first sampled, freed or not.
        variance_bytes2: estimated variance of `bytes`.
        age_bytes: live bytes by age: younger than the first of `AGE_LIMITS_S`, then than each, and older than the last.
            realloc keeps the age of a block that was and is sampled; else it makes the block young.
    """

    key: int
    bytes: float
    blocks: float
    survivor_bytes: float
    survivor_blocks: float
    inherited_bytes: float
    allocated_bytes: float
    allocated_blocks: float
    variance_bytes2: float
    age_bytes: tuple[float, ...]

    @property
    def standard_error_bytes(self) -> float:
        """Standard error of `bytes`."""
        return math.sqrt(self.variance_bytes2)


def unpack(rows: bytes) -> Iterator[StackEstimate]:
    """Reads what `_sampler.look` packed, one stack at a time."""
    for row in _ROW.iter_unpack(rows):
        yield StackEstimate._make((*row[:_SUMS], row[_SUMS:]))
