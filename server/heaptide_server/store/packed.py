"""The stored form in numpy: `heaptide.wire.pack`'s format, decoded and encoded without a loop over values.

Decoding trusts nothing: what it accepts was made by an honest `pack`, in the one canonical form.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from heaptide.wire import COLUMNS, PACKED_VERSION
from heaptide_server.model import Columns, Ints

MAX_VALUE = 1 << 62
MAX_ID = 1 << 40
# What a stored sum may grow to: far beyond any real worker, and a bound all the same.
MAX_STORED_BYTES = 64 << 20

_NAMES = {code: name for name, code in COLUMNS.items()}
_Numbers = NDArray[np.uint64]

EMPTY = Columns(np.zeros(0, np.int64), {})


def decode(data: bytes, *, below: int = MAX_ID, most_bytes: int = MAX_STORED_BYTES) -> Columns:
    """Unpacks rows.

    Args:
        data: what `heaptide.wire.pack` or `encode` made.
        below: ids must be smaller than this.
        most_bytes: how many bytes the rows may take before compression.

    Raises:
        ValueError: the data is damaged, not in canonical form, of another version, too large, or holds an id or a
            value out of range.
    """
    numbers = _numbers(_inflate(data, most_bytes))
    if len(numbers) < 3 or numbers[0] != PACKED_VERSION:
        raise ValueError(f"packed columns of version {numbers[:1].tolist()} can't be read, only {PACKED_VERSION}")
    names = _names(numbers)
    rest = numbers[2 + len(names) :]
    rows = int(rest[0]) if len(rest) else 0
    if not len(rest) or len(rest) != 1 + rows * (1 + len(names)):
        raise ValueError(f"packed columns are damaged: {len(rest)} numbers for {rows} rows of {len(names)} columns")
    table = rest[1:].reshape(1 + len(names), rows)
    return Columns(_ids(table[0], below), {name: _signed(table[1 + i]) for i, name in enumerate(names)})


def encode(columns: Columns) -> bytes:
    """Packs rows, byte for byte as `heaptide.wire.pack` does. Values beyond `MAX_VALUE` are held at it."""
    values = [np.clip(column, -MAX_VALUE, MAX_VALUE) for column in columns.values.values()]
    header = [PACKED_VERSION, len(values), *(COLUMNS[name] for name in columns.values), len(columns.ids)]
    zigzag = [((column << 1) ^ (column >> 63)).view(np.uint64) for column in values]
    steps = np.diff(columns.ids, prepend=0).astype(np.uint64)
    return zlib.compress(_leb128(np.concatenate([np.array(header, np.uint64), steps, *zigzag])), 6)


def total(parts: Iterable[Columns], *, keep_zeros: bool = False) -> Columns:
    """Sums rows by id; a column that one part lacks counts as zero there. Rows of zeros alone are left out."""
    parts = list(parts)
    names = [name for name in COLUMNS if any(name in part.values for part in parts)]
    ids, where = np.unique(np.concatenate([part.ids for part in parts] or [EMPTY.ids]), return_inverse=True)
    sums = np.zeros((len(names), len(ids)), np.int64)
    for row, name in enumerate(names):
        np.add.at(sums[row], where, np.concatenate([part.values.get(name, np.zeros_like(part.ids)) for part in parts]))
    kept = np.ones(len(ids), bool) if keep_zeros else sums.any(axis=0)
    return Columns(ids[kept], {name: sums[row][kept] for row, name in enumerate(names)})


def _inflate(data: bytes, most_bytes: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(data, most_bytes)
    except zlib.error as error:
        raise ValueError(f"packed columns are damaged: {error}") from error
    if inflater.unconsumed_tail:
        raise ValueError(f"packed columns take more than {most_bytes} bytes before compression")
    if not inflater.eof or inflater.unused_data:
        raise ValueError("packed columns are damaged: the compressed data doesn't end where it should")
    return raw


def _numbers(raw: bytes) -> _Numbers:
    octets = np.frombuffer(raw, np.uint8)
    if not len(octets) or octets[-1] > 0x7F:
        raise ValueError("packed columns are damaged: they end within a number")
    ends = np.flatnonzero(octets < 0x80)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    last = octets[ends]
    if lengths.max() > 10 or ((lengths == 10) & (last > 1)).any() or ((lengths > 1) & (last == 0)).any():
        raise ValueError("packed columns are damaged: a number is too long")
    return numbers_of(octets, ends, lengths)


def numbers_of(octets: NDArray[np.uint8], ends: Ints, lengths: Ints) -> _Numbers:
    """The numbers whose last octets lie at `ends`, from the highest seven bits down: most have two or three octets."""
    numbers = octets[ends].astype(np.uint64)
    for before in range(1, int(lengths.max(initial=1))):
        longer = np.flatnonzero(lengths > before)
        lower = (octets[ends[longer] - before] & np.uint8(0x7F)).astype(np.uint64)
        numbers[longer] = numbers[longer] << np.uint64(7) | lower
    return numbers


def _names(numbers: _Numbers) -> list[str]:
    width = int(numbers[1])
    if width > len(COLUMNS):
        raise ValueError(f"packed columns are damaged: {width} columns where {len(COLUMNS)} are known")
    codes = numbers[2 : 2 + width].tolist()
    if unknown := [code for code in codes if code not in _NAMES]:
        raise ValueError(f"packed column codes {unknown} are unknown")
    if len(set(codes)) != len(codes):
        raise ValueError(f"packed column codes {codes} name a column twice")
    return [_NAMES[code] for code in codes]


def _ids(steps: _Numbers, below: int) -> Ints:
    if (steps > MAX_ID).any() or (steps[1:] == 0).any():
        raise ValueError("packed ids don't ascend, each once")
    ids = np.cumsum(steps.astype(np.int64))
    if len(ids) and ids[-1] >= below:
        raise ValueError(f"packed id {ids[-1]} where ids below {below} are defined")
    return ids


def _signed(zigzag: _Numbers) -> Ints:
    if (zigzag > 2 * MAX_VALUE).any():
        raise ValueError(f"a packed value lies beyond {MAX_VALUE}")
    return (zigzag >> np.uint64(1)).astype(np.int64) ^ -(zigzag & np.uint64(1)).astype(np.int64)


def _leb128(numbers: _Numbers) -> bytes:
    lengths = np.ones(len(numbers), np.int64)
    for bits in range(7, 64, 7):
        lengths += numbers >= np.uint64(1 << bits)
    starts = np.cumsum(lengths) - lengths
    position = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    octets = (np.repeat(numbers, lengths) >> (7 * position).astype(np.uint64)) & np.uint64(0x7F)
    octets |= (position < np.repeat(lengths, lengths) - 1).astype(np.uint64) << np.uint64(7)
    return octets.astype(np.uint8).tobytes()
