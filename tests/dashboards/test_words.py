"""Verdicts, order, stacks, tables and sparklines."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from heaptide_dashboards import sentences, sparkline, stacks, tables, windows
from heaptide_dashboards.views import FrameView, Line, Outlook

Make = Callable[..., Any]
MIB = 1 << 20
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("facts", "text", "aside"),
    [
        ({"open_leaks": 2, "bytes_per_hour": 14.0 * MIB}, "2 leaks, +7 MiB/h a worker", ""),
        (
            {"open_leaks": 1, "suspects": 1, "bytes_per_hour": 1.0 * MIB, "workers": 1},
            "1 leak, +1 MiB/h",
            "1 suspect being watched",
        ),
        (
            {"open_leaks": 1, "bytes_per_hour": 1.0 * MIB, "workers": 1, "exhausted_at": NOW + 22_830},
            "1 leak, +1 MiB/h, out of memory in about 6 h 20 min",
            "",
        ),
        ({"open_leaks": 1, "exhausted_at": NOW - 5}, "1 leak, about out of memory", ""),
        ({"open_leaks": 1}, "1 leak", ""),
        ({"suspects": 3}, "3 suspects, no leak proven", ""),
        ({"workers": 0}, "No worker is reporting", ""),
        ({}, "No leak found", ""),
    ],
)
def test_a_service_has_a_verdict_in_a_sentence(service_row: Make, facts: Any, text: str, aside: str) -> None:
    verdict = sentences.service_verdict(service_row(**facts), NOW)
    assert verdict.text.replace("\u00a0", " ") == text
    assert verdict.aside.replace("\u00a0", " ") == aside


def test_a_service_has_one_verdict_on_both_its_pages(service_row: Make, service_page: Make, leak_row: Make) -> None:
    leaks = [leak_row(bytes_per_hour=1.0 * MIB), leak_row(status="suspect"), leak_row(status="resolved")]
    row = service_row(open_leaks=1, suspects=1, bytes_per_hour=1.0 * MIB, exhausted_at=NOW + 9000)
    page = service_page(leaks=leaks, alive=row.workers, outlook=Outlook(1.0, NOW + 9000, NOW, None))
    assert sentences.page_verdict(page) == sentences.service_verdict(row, NOW)


@pytest.mark.parametrize(
    ("high", "text"),
    [
        (NOW + 40_000, "full in about 6 h 20 min (4 h 10 min to 11 h 10 min)"),
        (None, "full in about 6 h 20 min (4 h 10 min to perhaps never)"),
    ],
)
def test_an_outlook_is_told_with_its_interval(high: float | None, text: str) -> None:
    told = sentences.outlook_text(Outlook(1.0, NOW + 22_830, NOW + 15_000, high), NOW)
    assert told.replace("\u00a0", " ") == text


def test_each_state_has_a_shape_of_its_own() -> None:
    assert len({state.icon for state in sentences.LEAK_STATES.values()}) == len(sentences.LEAK_STATES)
    assert len({state.icon for state in sentences.WORKER_STATES.values()}) == len(sentences.WORKER_STATES)


def test_leaks_are_ranked_by_state_then_by_growth_times_confidence(leak_row: Make) -> None:
    leaks = [
        leak_row(id="sure", bytes_per_hour=8.0, confidence=0.99),
        leak_row(id="unsure", bytes_per_hour=10.0, confidence=0.5),
        leak_row(id="resolved", status="resolved", bytes_per_hour=99.0),
        leak_row(id="suspect", status="suspect", bytes_per_hour=99.0),
    ]
    awake, at_rest = sentences.ranked(leaks[::-1])
    assert [leak.id for leak in awake] == ["sure", "unsure", "suspect"]
    assert [leak.id for leak in at_rest] == ["resolved"]


def test_library_frames_between_the_users_own_are_one_run() -> None:
    def frame(file: str, in_app: bool) -> FrameView:
        return FrameView(file, "f", 1, in_app)

    cut = stacks.runs([
        frame("shop/a.py", True),
        frame("fastapi/a.py", False),
        frame("starlette/b.py", False),
        frame("uvicorn/c.py", False),
        frame("anyio/c.py", False),
        frame("shop/b.py", True),
    ])  # fmt: skip
    assert [run.in_app for run in cut] == [True, False, True]
    assert cut[1].label.replace("\u00a0", " ") == "4 frames in fastapi, starlette and 2 others"


def test_a_table_has_the_newest_first_and_the_oldest_last() -> None:
    line = Line("a", [float(time) for time in range(500)], [float(time) for time in range(500)])
    table = tables.chart_table([line] * 10)
    assert table.rows[0][0] == 499
    assert table.rows[-1][0] == 0
    assert len(table.rows) == tables.ROWS
    assert table.left_out == 2


def test_a_short_line_is_in_its_table_whole() -> None:
    assert len(tables.chart_table([Line("a", [1.0, 2.0], [1.0, None])]).rows) == 2
    assert tables.chart_table([]).rows == []


def test_the_table_of_generations_has_the_newest_first() -> None:
    lines = [Line("old", [0.0, 60.0], [0.0, 5.0]), Line("new", [0.0, 30.0], [0.0, None]), Line("unseen", [], [])]
    assert tables.lives_table(lines) == [("new", 30.0, None), ("old", 60.0, 5.0)]


def test_a_sparkline_leaves_gaps_open_and_stays_in_its_box() -> None:
    path = sparkline.sparkline_path([1.0, 2.0, None, 1.5, 3.0])
    assert path.count("M") == 2
    numbers = [float(number) for number in re.findall(r"[\d.]+", path)]
    assert max(numbers[::2]) <= sparkline.WIDTH
    assert max(numbers[1::2]) <= sparkline.HEIGHT


def test_a_sparkline_of_small_wavers_looks_flat() -> None:
    heights = [float(number) for number in re.findall(r" ([\d.]+)", sparkline.sparkline_path([100.0, 101.0, 100.0]))]
    assert max(heights) - min(heights) < sparkline.HEIGHT / 10
    assert (max(heights) + min(heights)) / 2 == sparkline.HEIGHT / 2


@pytest.mark.parametrize("values", [[], [1.0], [None, None], [0.0, 0.0]])
def test_there_is_no_sparkline_of_nothing(values: list[float | None]) -> None:
    assert sparkline.sparkline_path(values) == ""


def test_each_window_has_a_name_and_the_default_is_one() -> None:
    assert all(windows.window_name(length_s) == name for name, length_s in windows.WINDOWS.items())
    assert windows.DEFAULT_WINDOW in windows.WINDOWS
