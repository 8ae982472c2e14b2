"""The collector's own page, and files for other tools."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from heaptide_dashboards import csvs, health, render
from heaptide_dashboards.health import CostRow, HealthPage, JobRow, KeptRow
from heaptide_dashboards.views import FrameView, SiteRow

NOW = 1_800_000_000.0
JOB = JobRow("rollup", 60.0, NOW - 20, NOW - 19, 0.4, 0, False)
COST = CostRow("shop", "production", 2, 0.004, 0.03, 3e6, 0.002, 3, 0)
PAGE = HealthPage(
    NOW, NOW - 7200, "0.1.0", 5 << 30, 1 << 40, "", 12, NOW - 600, [JOB], [KeptRow("reports", 1000, 86400.0, NOW - 90)],
    [COST], [("accepted", 40), ("refused", 1)],
)  # fmt: skip


def words(page: HealthPage) -> str:
    text = render.health_html(page)
    shown = " ".join(re.sub(r"<[^>]*>", " ", "<main" + text.partition("<main")[2]).split())
    return html.unescape(shown).replace("\u00a0", " ")


def test_it_tells_size_jobs_retention_and_costs() -> None:
    page = words(PAGE)
    assert "All is well · 3 reports merged away" in page.replace("All is well 3", "All is well · 3")
    assert "Store 5 GiB 1 TiB free on its disk" in page
    assert "On time rollup sums up closed buckets 1 min 20 s ago 400 ms 0" in page
    assert "shop production 2 0.4 % 3 % high 2.86 MiB 2.0 ms 3 0" in page
    assert "reports 1,000 1 d 1 min ago" in page


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({}, "good"),
        ({"last_started": None}, "waiting"),
        ({"last_started": NOW - 400}, "late"),
        ({"last_started": NOW - 400, "last_seconds": 300.0}, "good"),
        ({"failing": True}, "failing"),
    ],
)
def test_a_job_is_on_time_late_or_failing(facts: dict[str, Any], state: str) -> None:
    assert health.job_state(replace(JOB, **facts), NOW) == state


def test_what_is_worst_is_said_first() -> None:
    late = replace(PAGE, jobs=[JOB, replace(JOB, name="trends", last_started=NOW - 4000)])
    assert health.health_verdict(late).text.replace("\u00a0", " ") == "1 job late"
    assert health.health_verdict(replace(late, problem="disk full")).text == "Nothing can be stored"


@pytest.mark.parametrize(("seconds", "text"), [(0.0004, "0.4 ms"), (0.012, "12 ms"), (1.44, "1.4 s"), (None, "–")])
def test_short_times_have_a_unit_that_fits(seconds: float | None, text: str) -> None:
    assert health.milliseconds_text(seconds).replace("\u00a0", " ") == text


def test_a_table_is_csv_with_plain_numbers(leak_row: Callable[..., Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(csvs.leaks_csv([leak_row()]))))
    assert rows[0]["bytes_per_hour"] == str(14.2 * (1 << 20))
    assert rows[0]["first_seen"].endswith("Z")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", 'a"b,c\n=d'])
def test_no_name_is_a_formula_to_a_spreadsheet(name: str) -> None:
    text = csvs.sites_csv([SiteRow(name, name, True, 5.0, 1.0, None)])
    cells = list(csv.reader(io.StringIO(text)))[1]
    assert not cells[0].startswith(("=", "+", "-", "@", "\t"))
    assert cells[3] == "5.0"
    assert len(text.splitlines()) == 2


def test_stacks_are_collapsed_callers_first() -> None:
    frames = [FrameView("a.py", "leaf;x", 2, True), FrameView("b.py", "main", 1, True)]
    assert csvs.collapsed([(frames, 10.4), (frames, -5.0)]) == "main (b.py:1);leaf,x (a.py:2) 10\n"
