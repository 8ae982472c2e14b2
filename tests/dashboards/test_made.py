"""What resident sets were made of over time, which host is fullest, and what happened: from workers and series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from heaptide_dashboards.bars import PARTS
from heaptide_server.model import Event, Forecast, Leak, Series, Traced, Worker, WorkerIdentity
from heaptide_server.pages import fullest, happened, lines, made
from heaptide_server.resident import explain

NAN = float("nan")


def worker(slot: int, generation: int = 1, **facts: Any) -> Worker:
    release, host, started_at = facts.pop("release", None), facts.pop("host", "web-1"), facts.pop("started_at", 0.0)
    identity = WorkerIdentity(
        f"{host}{slot}{generation}", "shop", "production", host, 1, started_at, release, "3.11.7", "0.1.0", None, 30.0
    )
    values: dict[str, Any] = {
        "id": 1, "identity": identity, "slot": slot, "generation": generation, "first_seen": started_at,
        "last_seen": 9000.0, "ended_at": None, "end_reason": None, "requests": 1, "vitals": {}, "tracer": {},
        "agent": {}, "skew_s": 0.0,
    }  # fmt: skip
    return Worker(**(values | facts))


def series(rows: list[Any], values: list[list[float]]) -> Series:
    table = np.array(values, dtype=float)
    return Series(1000.0 + 10 * np.arange(table.shape[1]), 10.0, rows, table)


def test_the_parts_over_time_add_up_to_the_resident_sets() -> None:
    rows = [worker(1), worker(2)]
    vitals = {
        "rss_bytes": series(rows, [[100, 110], [50, 60]]),
        "malloc_free_bytes": series(rows, [[10, 10], [5, NAN]]),
    }
    found = {line.name: line.values for line in made.part_lines(vitals, series(rows, [[60, 65], [20, 30]]))}
    assert found == {"Python": [80, 95], "free in malloc": [15, 10], "native": [55, 65]}
    assert set(found) <= set(PARTS)


def test_what_no_tracer_tells_is_not_called_native() -> None:
    rows = [worker(1)]
    vitals = {"rss_bytes": series(rows, [[100, 110]]), "malloc_free_bytes": series(rows, [[10, 10]])}
    found = {line.name: line.values for line in made.part_lines(vitals, series(rows, [[NAN, 60]]))}
    assert found == {
        "Python": [None, 60],
        "free in malloc": [10, 10],
        "native": [None, 40],
        "not told apart": [90, None],
    }


def test_python_is_at_least_what_its_own_allocator_has_given_out_as_in_the_bar_of_now() -> None:
    rows = [worker(1, vitals={"rss_bytes": 100.0, "pymalloc_used_bytes": 45.0}), worker(2), worker(3), worker(4)]
    vitals = {
        "rss_bytes": series(rows, [[90, 100], [100, NAN], [100, NAN], [100, NAN]]),
        "pymalloc_used_bytes": series(rows, [[45, 45], [20, NAN], [30, NAN], [NAN, NAN]]),
    }
    traced = series(rows, [[20, 30], [25, NAN], [NAN, NAN], [5, NAN]])
    found = {line.name: line.values for line in made.part_lines(vitals, traced)}
    now = explain(rows[0], Traced(30, None))
    assert (now.python_bytes, now.native_bytes) == (45, 55)
    # What the first one's tracer saw grow by 10 grows in Python, although it isn't in its allocator of small blocks.
    assert found == {"Python": [35 + 25 + 5, 45], "native": [55 + 75 + 95, 55], "not told apart": [100, None]}
    assert {"pymalloc_used_bytes", *vitals} <= set(made.VITALS)


def test_what_no_tracer_saw_is_reckoned_for_each_life_by_itself() -> None:
    rows = [worker(1, last_seen=1010.0), worker(1, 2, started_at=1020.0)]
    vitals = {
        "rss_bytes": series(rows, [[100, 110, NAN, NAN], [NAN, NAN, 90, 95]]),
        "pymalloc_used_bytes": series(rows, [[60, 60, NAN, NAN], [NAN, NAN, 50, 50]]),
    }
    traced = series(rows, [[10, 20, NAN, NAN], [NAN, NAN, 0, 5]])
    found = {line.name: line.values for line in made.part_lines(vitals, traced)}
    assert found == {"Python": [50, 60, 45, 50], "native": [50, 50, 45, 45]}


def test_garbage_is_a_part_of_its_own_where_it_is_known() -> None:
    rows = [worker(1)]
    vitals = {"rss_bytes": series(rows, [[100]]), "garbage_bytes": series(rows, [[15]])}
    found = {line.name: line.values for line in made.part_lines(vitals, series(rows, [[60]]))}
    assert found == {"Python": [45], "garbage": [15], "native": [40]}


def test_nothing_is_drawn_of_a_resident_set_that_nobody_told() -> None:
    rows = [worker(1)]
    assert made.part_lines({"rss_bytes": series(rows, [[NAN]])}, series(rows, [[60]])) == []
    nobody = Series(np.array([1000.0]), 10.0, [], np.zeros((0, 1)))
    assert made.part_lines({"rss_bytes": nobody}, nobody) == []


def test_a_restart_is_no_hole_in_a_hosts_sum_and_other_hosts_are_not_in_it() -> None:
    rows = [worker(1), worker(1, 2), worker(2), worker(1, host="web-2")]
    told = series(rows, [[40, NAN, NAN, NAN], [NAN, NAN, NAN, 10], [5, 5, 5, 5], [900, 900, 900, 900]])
    line = made.total_line(told, "web-1")
    assert line.name == "all on web-1"
    assert line.values == [45, 35, 25, 15]


@pytest.mark.parametrize(
    ("workers", "name"),
    [
        ([("a", 60, 100), ("a", 30, 100), ("b", 500, 1000)], "a"),
        ([("a", 60, 100), ("b", 900, 1000)], "b"),
        ([("a", 60, None), ("b", 90, None)], "b"),
        ([("a", 60, 100), ("b", 90, None)], "a"),
    ],
)
def test_the_fullest_host_is_the_one_nearest_to_its_limit(workers: list[Any], name: str) -> None:
    living = [
        worker(number, host=host, vitals={"rss_bytes": rss, "limit_bytes": limit})
        for number, (host, rss, limit) in enumerate(workers)
    ]
    found = fullest.fullest_host([*living, worker(9, host="gone", ended_at=1.0, vitals={"rss_bytes": 1e12})])
    assert found is not None
    assert found.name == name
    assert fullest.fullest_host([]) is None


def leak(status: str, exhausted_at: float | None) -> Leak:
    forecast = Forecast(100.0, exhausted_at, exhausted_at - 1, None) if exhausted_at else None
    return Leak(
        "lk", "shop", "production", "site", status, None, None, 1.0, 1.0, 1.0, None, 1, None, 1, 1, 0.9, 0.0, 0.0, None,
        "", forecast=forecast,
    )  # type: ignore[arg-type]  # fmt: skip


def test_the_outlook_is_the_nearest_of_the_open_leaks() -> None:
    told = fullest.outlook_of([leak("open", 900.0), leak("open", 700.0), leak("muted", 100.0), leak("open", None)])
    assert told is not None
    assert told.exhausted_at == 700.0
    assert fullest.outlook_of([leak("suspect", 5.0)]) is None


def event(at: float, kind: str, release: str | None = None, text: str = "") -> Event:
    return Event(at, kind, "shop", None, release, text)


def test_a_deploy_stands_for_the_first_worker_of_its_release() -> None:
    workers = [worker(1, release="1.0"), worker(1, 2, release="2.0", started_at=5000.0)]
    assert happened.marks(workers).releases == [(5000.0, "2.0")]
    assert happened.marks(workers, [event(2000.0, "deploy", "2.0")]).releases == [(2000.0, "2.0")]
    # A rollback is seen by nobody: the release was there before.
    later = happened.marks(workers, [event(8000.0, "deploy", "2.0")])
    assert later.releases == [(5000.0, "2.0"), (8000.0, "2.0")]


def test_other_events_and_restarts_are_marked() -> None:
    marks = happened.marks(
        [worker(1, 2, started_at=7.0)], [event(5.0, "config", text="cache doubled"), event(6.0, "oom")]
    )
    assert marks.restarts == [7.0]
    assert marks.events == [(5.0, "cache doubled"), (6.0, "oom")]


def test_one_sites_growth_in_each_slot_goes_on_across_its_generations() -> None:
    rows = [(worker(1), 7), (worker(1, 2), 7), (worker(2), 7)]
    found = lines.slot_growth(series(rows, [[5, 0, 0], [0, 0, 3], [1, 1, 1]]))
    assert [(key, line.name, line.values) for key, line in found] == [
        (1, "worker 1", [0, 5, 5, 8]),
        (2, "worker 2", [0, 1, 2, 3]),
    ]


def test_each_generation_grows_from_its_own_start() -> None:
    old, young = worker(1, started_at=400.0, last_seen=1015.0), worker(1, 2, started_at=1020.0)
    rows = [(old, 7), (young, 7), (young, 8)]
    told = series(rows, [[5, 1, 0, 0], [0, 0, 2, 3], [0, 0, 0, -1]])
    found, left_out = lines.life_lines(told, [8, 7], by_slot=False, most=10)
    assert left_out == 0
    assert [(key, line.name) for key, line in found] == [
        (2, "worker 1, generation 1"), (1, "worker 1, generation 2"), (2, "worker 1, generation 2"),
    ]  # fmt: skip
    assert (found[0][1].times, found[0][1].values) == ([600, 610, 620], [0, 5, 6])
    assert (found[2][1].times, found[2][1].values) == ([0, 10, 20], [0, 2, 5])


def test_of_many_generations_the_newest_have_room_and_slots_have_colours() -> None:
    rows = [(worker(slot, number, started_at=1000.0 + number), 7) for number in range(5) for slot in (1, 2)]
    found, left_out = lines.life_lines(series(rows, [[1.0]] * 10), [7], by_slot=True, most=4)
    assert left_out == 6
    assert sorted((key, line.name) for key, line in found) == [
        (1, "worker 1, generation 3"), (1, "worker 1, generation 4"),
        (2, "worker 2, generation 3"), (2, "worker 2, generation 4"),
    ]  # fmt: skip


def test_what_happened_before_the_window_is_not_counted_in_it() -> None:
    workers = [
        worker(1, release="1.0", started_at=0.0), worker(1, 2, release="2.0", started_at=4000.0),
        worker(1, 3, release="2.0", started_at=6000.0), worker(1, 4, release="3.0", started_at=7000.0),
    ]  # fmt: skip
    found = happened.marks(workers, since=5000.0)
    assert found.restarts == [6000.0, 7000.0]
    assert found.releases == [(7000.0, "3.0")]
