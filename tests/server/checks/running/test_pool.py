"""From facts to findings: what a pool's counters mean, for one worker and for all of them together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heaptide_server.checks import pool
from heaptide_server.checks.finding import Finding, WorkerFacts

Tell = Callable[..., WorkerFacts]


def facts(**values: Any) -> dict[str, Any]:
    one = {
        "library": "sqlalchemy", "kind": "QueuePool", "database": "postgresql", "driver": "psycopg", "pre_ping": True,
        "recycle_s": -1, "size": 5, "max_overflow": 10, "timeout_s": 30.0, "checked_out": 0, "overflow": 0,
        "waiting": 0, "checkouts": 6000, "most_waiting": 0, "waited": 15, "wait_s": 1.0, "longest_wait_s": 0.05,
        "timeouts": 0, "refused": 0, "returned": 6000, "held_s": 120.0, "longest_held_s": 0.5, "queries": 6000,
        "query_s": 100.0, "most_out": 9, "holders": [], "held_long": [],
    }  # fmt: skip
    return {"pools": [one | values]}


def found(*workers: WorkerFacts) -> dict[str, Finding]:
    return {finding.kind: finding for finding in pool.find(workers)}


FULL = {"most_waiting": 7, "waited": 900, "most_out": 15, "wait_s": 90.0}


def test_a_healthy_pool_is_left_alone(tell: Tell) -> None:
    assert found(tell("pools", facts())) == {}


def test_a_pool_that_was_full_for_a_moment_is_left_alone(tell: Tell) -> None:
    assert found(tell("pools", facts(**FULL | {"waited": 20}))) == {}


def test_littles_law_says_what_is_used_and_what_would_have_sufficed(tell: Tell) -> None:
    finding = found(tell("pools", facts(**FULL)))["pool-exhausted"]
    assert finding.severity == "warning"
    assert (
        "Little's law: 10 checkouts a second x 0.02 s held = 0.2 connections in use on average, 22 at the peak "
        "(those out and those waiting)." in finding.evidence
    )
    assert "create_engine(url, pool_size=22, max_overflow=0)" in finding.fix


def test_giving_up_makes_it_critical(tell: Tell) -> None:
    assert found(tell("pools", facts(**FULL, timeouts=1)))["pool-exhausted"].severity == "critical"


def test_what_failed_over_a_day_ago_is_over(tell: Tell) -> None:
    one = tell("pools", {})
    for ago_s, severity in ((3600.0, "critical"), (90_000.0, "warning")):
        told = facts(**FULL, timeouts=1, refused=1, failed_at=one.worker.last_seen - ago_s)
        finding = found(tell("pools", told))
        assert finding["pool-exhausted"].severity == severity
        assert ("pool-too-large" in finding) == (severity == "critical")


def test_connections_held_for_other_things_are_to_be_given_back_not_added(tell: Tell) -> None:
    finding = found(tell("pools", facts(**FULL, query_s=6.0)))["pool-exhausted"]
    assert "while no query runs" in finding.fix
    assert any("Queries take 0.001 s of the 0.02 s" in line for line in finding.evidence)


@pytest.mark.parametrize(
    ("library", "kind", "line"),
    [
        ("sqlalchemy", "AsyncAdaptedQueuePool", "create_async_engine(url, pool_size=22, max_overflow=0)"),
        ("asyncpg", "Pool", "await asyncpg.create_pool(dsn, min_size=5, max_size=22)"),
        ("psycopg_pool", "AsyncConnectionPool", "AsyncConnectionPool(dsn, min_size=4, max_size=22)"),
    ],
)
def test_the_fix_speaks_the_librarys_words(tell: Tell, library: str, kind: str, line: str) -> None:
    told = facts(**FULL, library=library, kind=kind)
    assert line in found(tell("pools", told))["pool-exhausted"].fix


@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        ([["shop/events.py", "listen", 7, 1, 3600]], "info"),
        ([["shop/orders.py", "load", 41, 3, 200]], "warning"),
        ([["shop/orders.py", "load", 41, 9, 200]], "critical"),
        ([["shop/orders.py", "load", 41, 9, 20]], None),
    ],
)
def test_connections_that_never_come_back_weigh_by_their_number(
    tell: Tell, rows: list[list[Any]], severity: str | None
) -> None:
    finding = found(tell("pools", facts(held_long=rows))).get("pool-held")
    assert (finding and finding.severity) == severity
    assert finding is None or f"{rows[0][1]} ({rows[0][0]}:{rows[0][2]})" in finding.evidence[0]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"pre_ping": False}, True),
        ({"pre_ping": False, "recycle_s": 1800}, False),
        ({"pre_ping": True}, False),
        ({"pre_ping": False, "database": "sqlite"}, False),
        ({"pre_ping": None, "recycle_s": None, "library": "asyncpg"}, False),
    ],
)
def test_missing_protection_from_dead_connections_is_told(tell: Tell, values: dict[str, Any], told: bool) -> None:
    assert ("pool-settings" in found(tell("pools", facts(**values)))) == told


def test_workers_times_connections_are_held_against_the_servers_default(tell: Tell) -> None:
    six = [tell("pools", facts(), pid=10 + index) for index in range(6)]
    assert "pool-too-large" not in found(*six)
    finding = found(*six, tell("pools", facts(), pid=99))["pool-too-large"]
    assert finding.severity == "warning"
    assert "7 workers x (pool_size 5 + max_overflow 10) = 105." in finding.evidence[0]
    assert "(100 - 3) / 7 = 13" in finding.fix


def test_pools_of_two_databases_are_held_each_against_its_own_server(tell: Tell) -> None:
    both = {"pools": facts()["pools"] + facts(database="mysql", driver="pymysql")["pools"]}
    five = [tell("pools", both, pid=10 + index) for index in range(5)]  # 75 of each
    assert "pool-too-large" not in found(*five)


def test_pools_that_are_set_otherwise_have_names_of_their_own(tell: Tell) -> None:
    rows = [facts(**FULL | more)["pools"][0] for more in ({}, {"size": 15, "max_overflow": 0}, {"driver": "asyncpg"})]
    names = [finding.name for finding in pool.find([tell("pools", {"pools": rows})])]
    assert [name for name in names if name.startswith("pool-exhausted")] == [
        "pool-exhausted: sqlalchemy's QueuePool (psycopg) of 5 + 10 connections",
        "pool-exhausted: sqlalchemy's QueuePool (psycopg) of 15 connections",
        "pool-exhausted: sqlalchemy's QueuePool (asyncpg) of 5 + 10 connections",
    ]


def test_a_server_that_was_asked_or_refused_makes_it_certain(tell: Tell) -> None:
    asked = found(tell("pools", facts(max_connections=15)))["pool-too-large"]
    refused = found(tell("pools", facts(refused=3)))["pool-too-large"]
    assert asked.severity == refused.severity == "critical"
    assert "it refused 3" in refused.title


def test_a_pool_without_a_bound_and_facts_of_another_shape_are_left_out(tell: Tell) -> None:
    assert found(tell("pools", facts(max_overflow=-1, **FULL))) == {}
    for odd in ({"pools": 3}, {"pools": [7]}, {"pools": [{"size": "x"}]}, facts(holders=7, held_long=[[1]])):
        pool.find([tell("pools", odd)])
