"""Series of the store as lines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heaptide_server.model import Series, Worker, WorkerIdentity
from heaptide_server.pages import lines, rows

NAN = float("nan")


def worker(slot: int, generation: int = 1, **facts: Any) -> Worker:
    identity = WorkerIdentity(
        f"{slot}{generation}", "shop", "production", facts.pop("host", "web-1"), 1, facts.pop("started_at", 0.0), None,
        "3.11.7", "0.1.0", None, facts.pop("interval_s", 30.0),
    )  # fmt: skip
    values: dict[str, Any] = {
        "id": 1, "identity": identity, "slot": slot, "generation": generation, "first_seen": 0.0, "last_seen": 100.0,
        "ended_at": None, "end_reason": None, "requests": 1, "vitals": {}, "tracer": {}, "agent": {}, "skew_s": 0.0,
    }  # fmt: skip
    return Worker(**(values | facts))


def series(names: list[Any], values: list[list[float]]) -> Series:
    table = np.array(values, dtype=float)
    return Series(1000.0 + 10 * np.arange(table.shape[1]), 10.0, names, table)


def test_generations_of_a_slot_are_one_line_of_the_newest() -> None:
    joined = lines.resident_lines(
        series([worker(1, 2), worker(2), worker(1)], [[NAN, NAN, 5, 6], [7, 7, 7, 7], [1, 2, 3, NAN]])
    )
    assert {line.name: line.values for line in joined} == {"worker 1": [1, 2, 5, 6], "worker 2": [7, 7, 7, 7]}
    assert joined[0].times == [1005, 1015, 1025, 1035]


def test_slots_of_several_hosts_are_told_apart() -> None:
    found = lines.resident_lines(series([worker(1), worker(1, host="web-2")], [[1.0], [2.0]]))
    assert [line.name for line in found] == ["web-1, worker 1", "web-2, worker 1"]


def test_short_gaps_are_bridged_and_long_ones_stay() -> None:
    assert lines.bridged(np.array([1, NAN, NAN, 4.0])).tolist() == [1, 2, 3, 4]
    assert np.isnan(lines.bridged(np.array([1, NAN, NAN, NAN, 5.0]))[1:4]).all()
    assert np.isnan(lines.bridged(np.array([NAN, 1, NAN]))[[0, 2]]).all()


def test_growth_starts_from_zero_at_the_left_edge() -> None:
    (line,) = lines.growth_lines(series(["s"], [[5, NAN, -2]]), ["a.py:1 f"])
    assert line.times == [1000, 1010, 1020, 1030]
    assert line.values == [0, 5, 5, 3]


def test_the_trend_of_a_service_counts_a_recycled_worker_once() -> None:
    workers = [worker(1), worker(1, 2), worker(2)]
    assert lines.total_trend(series(workers, [[3, 4, NAN], [NAN, 1, 2], [5, 5, NAN]])) == [8, 6, 2]
    assert lines.total_trend(Series(np.array([1000.0]), 10.0, [], np.zeros((0, 1)))) == []


@pytest.mark.parametrize(
    ("first_seen", "window_s", "buckets"),
    [(1000.0 - 600, 3600.0, 10), (0.0, 600.0, 10), (0.0, 86400.0, 16), (999.0, 600.0, 1), (-6200.0, 86400.0, 24)],
)
def test_a_chart_begins_with_the_first_report_and_has_two_in_each_bucket(
    first_seen: float, window_s: float, buckets: int
) -> None:
    span = lines.chart_span([worker(1, first_seen=first_seen)], 1000.0, window_s)
    assert span == lines.Span(max(first_seen, 1000.0 - window_s), 1000.0, buckets)


def test_a_long_window_has_no_more_points_than_can_be_seen() -> None:
    assert lines.chart_span([worker(1, interval_s=0.5)], 1e6, 1e6).buckets == lines.MOST_BUCKETS


def test_an_hour_of_a_large_fleet_is_read_from_sums_of_five_minutes() -> None:
    fleet = [worker(number, last_seen=3600.0) for number in range(200)]
    assert lines.chart_span(fleet, 3600.0, 3600.0).buckets == 12
    assert lines.chart_span(fleet[:10], 3600.0, 3600.0).buckets == 60


def test_beyond_a_day_a_chart_is_read_from_sums_of_hours() -> None:
    assert lines.chart_span([worker(1)], 2 * 86400.0, 2 * 86400.0).buckets == 48


def test_where_each_worker_is_read_the_buckets_are_as_wide_as_their_number_allows() -> None:
    day = lines.Span(0.0, 86400.0, 160)
    fleet = [worker(number, last_seen=86400.0) for number in range(300)]
    assert lines.coarser(day, fleet[:2]) == day
    assert lines.coarser(day, fleet[:200]).buckets == 24
    assert lines.coarser(day, fleet).buckets == 1
    assert lines.coarser(lines.Span(0.0, 3600.0, 60), fleet).buckets == 60


def test_the_living_come_first_and_of_the_ended_only_the_latest() -> None:
    ended = [worker(1, number, ended_at=1.0, end_reason="final", last_seen=float(number)) for number in range(1, 30)]
    missing = worker(3, ended_at=1.0, end_reason="missing", last_seen=99.0)
    shown = rows.worker_rows([*ended, missing, worker(1, 30)])
    assert [row.state for row in shown] == ["alive", "missing", *["ended"] * (rows.ENDED_SHOWN - 1)]
    assert [row.generation for row in shown][:3] == [30, 1, 29]


def test_the_agents_share_of_the_cpu_is_over_the_workers_life() -> None:
    (row,) = rows.worker_rows([worker(1, agent={"cpu_s": 2.0})])
    assert row.agent_cpu_share == pytest.approx(0.02)
    (row,) = rows.worker_rows([worker(1)])
    assert row.agent_cpu_share is None
