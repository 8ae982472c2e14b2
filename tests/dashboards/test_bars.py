"""Stacked bars: parts that add up to the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heaptide_dashboards.bars import age_bars, resident_parts
from heaptide_dashboards.views import ResidentRow

ROW = ResidentRow("worker 1", 100.0, 60.0, 5.0, 10.0, None, 30.0)


def test_the_parts_of_a_resident_set_lie_side_by_side_and_fill_the_bar() -> None:
    parts = resident_parts(ROW)
    assert [(part.label, part.left, part.width) for part in parts] == [
        ("Python", 0, 60), ("free in malloc", 60, 10), ("native", 70, 30),
    ]  # fmt: skip
    assert [part.error_bytes for part in parts] == [5.0, None, None]


def test_an_exact_count_has_no_error_to_show() -> None:
    assert resident_parts(replace(ROW, python_error_bytes=0.0))[0].error_bytes is None


def test_parts_larger_than_the_resident_set_still_fit_the_bar() -> None:
    parts = resident_parts(replace(ROW, rss_bytes=50.0, native_bytes=0.0))
    assert parts[-1].left + parts[-1].width == pytest.approx(100, abs=0.1)


def test_without_a_tracer_what_is_left_is_not_told_apart() -> None:
    row = replace(ROW, python_bytes=None, python_error_bytes=None, native_bytes=None)
    assert [(part.label, part.bytes) for part in resident_parts(row)] == [
        ("free in malloc", 10.0),
        ("not told apart", 90.0),
    ]


def test_nothing_is_drawn_of_what_nobody_knows() -> None:
    assert resident_parts(ResidentRow("worker 1", None, None, None, None, None, None)) == []


def test_the_largest_age_fills_its_bar() -> None:
    assert [(bar.label, bar.width) for bar in age_bars([("young", 5.0), ("old", 20.0)])] == [
        ("young", 25),
        ("old", 100),
    ]
    assert [bar.width for bar in age_bars([("young", 0.0)])] == [0]
