"""The packed form is stored for years: what was written once must read the same for ever."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heaptide import wire

numbers = st.integers(-(2**62), 2**62)
rows = st.dictionaries(st.integers(0, 2**31), st.tuples(numbers, numbers, numbers), max_size=50)


@given(rows)
def test_what_was_packed_unpacks_to_the_same(rows: dict[int, tuple[int, int, int]]) -> None:
    ids = sorted(rows)
    columns = {name: [rows[i][k] for i in ids] for k, name in enumerate(("bytes", "blocks", "survivor_bytes"))}
    assert wire.unpack(wire.pack(ids, columns)) == (ids, columns)


def test_the_first_packed_bytes_ever_written_still_read_as_they_were_meant() -> None:
    stored = bytes.fromhex("789c636462646266606664bcc1c2c064dfc00800087f01ad")
    assert wire.unpack(stored) == ([0, 3, 4], {"bytes": [-1, 300, 0], "blocks": [1, -32, 64]})


def test_the_codes_of_columns_never_change() -> None:
    assert wire.COLUMNS == {
        "bytes": 1,
        "blocks": 2,
        "survivor_bytes": 3,
        "survivor_blocks": 4,
        "allocated_bytes": 5,
        "count": 6,
        "variance_kib2": 7,
    }


@given(rows, st.data())
def test_damage_is_an_error_and_never_another_table(rows: dict[int, tuple[int, int, int]], data: st.DataObject) -> None:
    ids = sorted(rows)
    columns = {"bytes": [rows[i][0] for i in ids]}
    packed = bytearray(wire.pack(ids, columns))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ValueError):
        # zlib's header has bits that say only how hard it tried: those may change and nothing else.
        assert wire.unpack(bytes(packed)) == (ids, columns)


@pytest.mark.parametrize(
    ("ids", "columns", "message"),
    [
        ([1, 1], {"bytes": [0, 0]}, "ascend"),
        ([2, 1], {"bytes": [0, 0]}, "ascend"),
        ([-1], {"bytes": [0]}, "ascend"),
        ([1], {"bytes": []}, "0 values for 1 ids"),
        ([1], {"weight": [1]}, "none of"),
    ],
)
def test_rows_that_cannot_be_packed_are_refused(ids: list[int], columns: dict[str, list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wire.pack(ids, columns)
