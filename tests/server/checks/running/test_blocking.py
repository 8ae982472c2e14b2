"""From facts to findings: habits are told, beginnings aren't; kinds of calls get their own remedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heaptide_server.checks import blocking
from heaptide_server.checks.finding import Finding, WorkerFacts

Tell = Callable[..., WorkerFacts]


def row(**values: Any) -> dict[str, Any]:
    return {
        "file": "shop/orders.py", "function": "load", "line": 41, "in_app": True, "route": "GET /orders/{number}",
        "calls": "client.fetch", "through": [], "count": 10, "total_s": 2.0, "longest_s": 0.4, "cpu_s": 0.0,
        "starved_s": 0.0,
    } | values  # fmt: skip


def found(*workers: WorkerFacts) -> dict[str, Finding]:
    return {finding.kind: finding for finding in blocking.find(workers)}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, True),
        ({"count": 2}, False),
        ({"count": 2, "route": None, "longest_s": 4.0}, False),
        ({"count": 1, "longest_s": 1.5}, True),
        ({"count": 3, "route": None}, True),
    ],
)
def test_a_habit_is_told_and_a_slow_start_is_not(tell: Tell, values: dict[str, Any], told: bool) -> None:
    assert ("loop-blocked" in found(tell("blocking", {"blockers": [row(**values)]}))) == told


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ({"total_s": 0.5, "longest_s": 0.1}, "info"),
        ({"total_s": 2.0}, "warning"),
        ({"total_s": 70.0}, "critical"),
        ({"longest_s": 6.0}, "critical"),
        ({"total_s": 70.0, "starved_s": 69.7, "longest_s": 0.9}, "info"),
    ],
)
def test_severity_is_the_share_of_time_that_is_the_codes_own(tell: Tell, values: dict[str, Any], severity: str) -> None:
    assert found(tell("blocking", {"blockers": [row(**values)]}))["loop-blocked"].severity == severity


@pytest.mark.parametrize(
    ("values", "fix"),
    [
        ({"calls": "time.sleep"}, "await asyncio.sleep"),
        ({"calls": "requests.get", "through": ["requests", "urllib3", "http", "socket"]}, "httpx.AsyncClient"),
        ({"calls": "session.scalars", "through": ["sqlalchemy", "psycopg"]}, "create_async_engine"),
        ({"calls": "cursor.execute"}, "create_async_engine"),
        ({"calls": None, "cpu_s": 1.9}, "ProcessPoolExecutor"),
        ({"calls": "lock.acquire"}, "asyncio.to_thread(lock.acquire"),
    ],
)
def test_each_kind_of_call_has_its_own_remedy(tell: Tell, values: dict[str, Any], fix: str) -> None:
    assert fix in found(tell("blocking", {"blockers": [row(**values)]}))["loop-blocked"].fix


def test_one_place_in_several_workers_and_routes_is_one_finding(tell: Tell) -> None:
    first = tell("blocking", {"blockers": [row(), row(route="GET /baskets", total_s=1.0)]})
    second = tell("blocking", {"blockers": [row()]}, pid=11)
    findings = blocking.find([first, second])
    assert [finding.kind for finding in findings] == ["loop-blocked"]
    assert findings[0].workers == ("web-1 pid 10", "web-1 pid 11")
    assert "On GET /orders/{number} (4.0 s), GET /baskets (1.0 s)." in findings[0].evidence


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"crowded": 100, "crowded_s": 30.0}, "loop-crowded"),
        ({"starved": 100, "starved_s": 30.0}, "loop-without-cpu"),
        ({"held_count": 100, "held_s": 30.0}, "gil-held"),
    ],
)
def test_a_late_loop_without_a_culprit_is_told_by_its_cause(tell: Tell, facts: dict[str, Any], kind: str) -> None:
    assert set(found(tell("blocking", facts))) == {kind}
    assert not found(tell("blocking", {name: value / 100 for name, value in facts.items()}))


def test_a_burst_that_waited_for_a_moment_is_no_starved_pool(tell: Tell) -> None:
    threads = {"total": 40, "most_borrowed": 40, "most_waiting": 9, "waited_s": 300.0, "threads": 40, "holders": []}
    assert not found(tell("blocking", {"threads": threads | {"starved_s": 0.9}}))
    finding = found(tell("blocking", {"threads": threads | {"starved_s": 60.0}}))["threads-starved"]
    assert "total_tokens = 45" in finding.fix  # 40, and 300 / 60 that waited


def test_what_last_blocked_over_a_day_ago_is_over(tell: Tell) -> None:
    last_seen = tell("blocking", {}).worker.last_seen
    for ago_s, count in ((3600.0, 1), (90_000.0, 0)):
        one = tell("blocking", {"blockers": [row(longest_s=6.0, last_at=last_seen - ago_s)]})
        assert len(blocking.find([one])) == count


def test_each_place_that_blocks_has_a_name_of_its_own(tell: Tell) -> None:
    one = tell("blocking", {"blockers": [row(), row(function="store")]})
    names = [finding.name for finding in blocking.find([one])]
    assert names == ["loop-blocked: load (shop/orders.py)", "loop-blocked: store (shop/orders.py)"]


def test_facts_of_another_shape_are_left_out(tell: Tell) -> None:
    for facts in ({"blockers": "?"}, {"blockers": [{"file": 7}]}, {"threads": 3}, {"blockers": [row(through=7)]}):
        blocking.find([tell("blocking", facts)])
    assert not blocking.find([tell("cpu", {})])


def test_workers_that_have_ended_are_history(tell: Tell) -> None:
    assert not found(tell("blocking", {"blockers": [row()]}, ended_at=1e9 + 5))
