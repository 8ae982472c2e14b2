"""Many packed rows decoded at once: a report has few rows, so numpy's cost per call would outweigh their decoding.

Only for what the store itself keeps: `packed.decode` checks what comes from outside.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from heaptide.wire import COLUMNS
from heaptide_server.model import Columns, Ints
from heaptide_server.store import packed

_NAMES = {code: name for name, code in COLUMNS.items()}
# Fewer are decoded one by one.
WORTH_IT = 4


def decode(blobs: Sequence[bytes]) -> list[Columns]:
    """Unpacks rows as `packed.decode` does, in the order of the blobs."""
    if len(blobs) < WORTH_IT:
        return [packed.decode(blob) for blob in blobs]
    raw = [zlib.decompress(blob) for blob in blobs]
    octets = np.frombuffer(b"".join(raw), np.uint8)
    ends = np.flatnonzero(octets < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1])
    numbers = packed.numbers_of(octets, ends, ends - starts + 1)
    # Where each blob's numbers begin: after as many numbers as end before its first octet.
    firsts = np.searchsorted(ends, np.cumsum([0, *map(len, raw[:-1])]))
    values = (numbers >> np.uint64(1)).astype(np.int64) ^ -(numbers & np.uint64(1)).astype(np.int64)
    return [_columns(numbers, values, int(first)) for first in firsts]


def _columns(numbers: np.ndarray[tuple[int], np.dtype[np.uint64]], values: Ints, first: int) -> Columns:
    width = int(numbers[first + 1])
    names = [_NAMES[int(code)] for code in numbers[first + 2 : first + 2 + width]]
    rows = int(numbers[first + 2 + width])
    at = first + 3 + width
    ids = np.cumsum(numbers[at : at + rows].astype(np.int64))
    return Columns(ids, {name: values[at + rows * n : at + rows * (n + 1)] for n, name in enumerate(names, 1)})
