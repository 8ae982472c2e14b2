from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heaptide import wire
from heaptide_server.store import packed

VALUES = st.integers(-(2**62), 2**62) | st.integers(-300, 300)


@st.composite
def rows(draw):
    ids = sorted(draw(st.sets(st.integers(0, 2**39), max_size=30)))
    names = draw(st.lists(st.sampled_from(list(wire.COLUMNS)), unique=True))
    values = {name: draw(st.lists(VALUES, min_size=len(ids), max_size=len(ids))) for name in names}
    return ids, values


def as_lists(columns):
    return columns.ids.tolist(), {name: values.tolist() for name, values in columns.values.items()}


def from_lists(ids, values):
    arrays = {name: np.array(column, np.int64) for name, column in values.items()}
    return packed.Columns(np.array(ids, np.int64), arrays)


def raw(*numbers):
    return zlib.compress(bytes(numbers))


@given(rows())
def test_what_the_agent_packs_is_decoded_as_it_would_unpack_it(told):
    blob = wire.pack(*told)
    assert as_lists(packed.decode(blob)) == wire.unpack(blob) == told


@given(rows())
def test_encoding_gives_the_agents_bytes(told):
    assert packed.encode(from_lists(*told)) == wire.pack(*told)


@given(st.lists(rows(), max_size=4))
def test_a_total_is_the_sum_by_id_without_rows_of_zeros(parts):
    parts = [(ids, {name: [v % 1000 for v in column] for name, column in values.items()}) for ids, values in parts]
    sums = {}
    for ids, values in parts:
        for name, column in values.items():
            for number, value in zip(ids, column, strict=True):
                sums.setdefault(number, {}).setdefault(name, 0)
                sums[number][name] += value
    ids, values = as_lists(packed.total(from_lists(*part) for part in parts))
    assert ids == sorted(number for number, told in sums.items() if any(told.values()))
    for name, column in values.items():
        assert column == [sums[number].get(name, 0) for number in ids]


@given(st.binary(max_size=200))
@example(b"")
def test_whatever_bytes_come_only_a_value_error_comes_of_them(data):
    for blob in (data, zlib.compress(data)):
        try:
            columns = packed.decode(blob)
        except ValueError:
            continue
        assert packed.encode(columns) == packed.encode(packed.decode(packed.encode(columns)))


@pytest.mark.parametrize(
    ("blob", "says"),
    [
        (wire.pack([1, 2], {"bytes": [5, 6]})[:-3], "doesn't end"),
        (wire.pack([1], {"bytes": [5]}) + b"x", "doesn't end"),
        (b"nonsense", "damaged"),
        (raw(2, 0, 0), "version"),
        (raw(1, 1, 99, 0), "unknown"),
        (raw(1, 2, 1, 1, 0), "twice"),
        (raw(1, 200, 1), "columns"),
        (raw(1, 0, 2, 3, 0), "ascend"),
        (raw(1, 0, 2, 3), "damaged"),
        (raw(1, 0, 1, 0x83, 0x00), "too long"),
        (raw(1, 1, 1, 1, 0, *[0xFF] * 10, 0x01), "too long"),
        (raw(1, 1, 1, 1, 0, *[0xFF] * 9, 0x01), "beyond"),
        (raw(1, 0, 0x81), "within a number"),
        (raw(1, 0, 1, 5), "below 5"),
    ],
)
def test_damaged_and_hostile_rows_are_refused_with_a_reason(blob, says):
    with pytest.raises(ValueError, match=says):
        packed.decode(blob, below=5)


def test_a_bomb_is_refused_before_it_unfolds():
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        packed.decode(zlib.compress(b"\0" * 50_000_000), most_bytes=1000)
