"""Who blocks a real service's loop is found, with the route and the remedy, and what only looks like it isn't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heaptide_server.checks.finding import Finding

Facts = Callable[..., dict[str, Any]]
Find = Callable[..., dict[str, Finding]]


@pytest.mark.parametrize(
    ("target", "loop", "function", "calls", "route", "remedy"),
    [
        ("sleeps", "asyncio", "settle", "time.sleep", "GET /api/orders/{number}", "await asyncio.sleep"),
        ("sleeps", "uvloop", "settle", "time.sleep", "GET /api/orders/{number}", "await asyncio.sleep"),
        ("fetches", "asyncio", "fetch", "urllib.request.urlopen", "GET /rates", "httpx.AsyncClient"),
        ("computes", "asyncio", "crunch", None, "GET /report", "ProcessPoolExecutor"),
    ],
)
def test_who_blocks_the_loop_is_named_with_route_and_remedy(
    facts_of: Facts, find: Find, target: str, loop: str, function: str, calls: str | None, route: str, remedy: str
) -> None:
    facts = facts_of(target, loop)
    finding = find(facts)["loop-blocked"]
    assert finding.title.startswith(f"{function} blocks the event loop: ")
    assert finding.severity in ("warning", "critical")
    assert f"{target}.py:" in finding.evidence[0]
    assert calls is None or f" calls {calls}" in finding.evidence[0]
    assert any(route in line for line in finding.evidence)
    assert remedy in finding.fix
    assert sum(row["count"] for row in facts["blockers"] if row["function"] == function) >= 3


@pytest.mark.parametrize("target", ["awaits", "fetches_in_thread", "starts_slowly"])
def test_a_loop_that_goes_on_or_only_starts_slowly_is_left_alone(facts_of: Facts, find: Find, target: str) -> None:
    assert "loop-blocked" not in find(facts_of(target))


def test_a_sync_query_in_async_code_is_named_with_its_route(facts_of: Facts, find: Find, postgres: str) -> None:
    finding = find(facts_of("queries", database=postgres))["loop-blocked"]
    assert finding.title.startswith("total blocks the event loop: ")
    assert "queries.py:16 in total calls connection.execute, through psycopg" in finding.evidence[0]
    assert finding.evidence[0].endswith(": a sync database call in async code.")
    assert any("GET /orders/{number}/total" in line for line in finding.evidence)
    assert "create_async_engine" in finding.fix


@pytest.mark.parametrize("target", ["queries_async", "queries_in_thread"])
def test_the_same_query_awaited_or_in_a_thread_is_left_alone(
    facts_of: Facts, find: Find, postgres: str, target: str
) -> None:
    assert find(facts_of(target, database=postgres)) == {}


def test_a_thread_that_holds_the_gil_is_told_as_that_and_not_as_the_loops_fault(facts_of: Facts, find: Find) -> None:
    assert find(facts_of("holds_gil")).keys() == {"gil-held"}
    assert find(facts_of("releases_gil")) == {}


def test_a_loop_whose_cpu_is_anothers_is_told_from_one_that_needs_it_for_a_moment(facts_of: Facts, find: Find) -> None:
    assert "loop-without-cpu" in find(facts_of("waits_for_cpu"))
    assert find(facts_of("gets_cpu")) == {}


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_loop_with_too_many_short_steps_is_told_as_crowded_and_no_step_as_the_one_that_blocks(
    facts_of: Facts, find: Find, loop: str
) -> None:
    facts = facts_of("crowds", loop)
    assert "loop-crowded" in find(facts)
    assert sum(row["total_s"] for row in facts["blockers"]) < facts["crowded_s"] / 10


def test_as_many_short_steps_one_after_the_other_crowd_nobody(facts_of: Facts, find: Find) -> None:
    assert "loop-crowded" not in find(facts_of("takes_turns"))


def test_a_starved_thread_pool_is_found_with_what_its_threads_do(facts_of: Facts, find: Find) -> None:
    finding = find(facts_of("starves"))["threads-starved"]
    assert finding.title.startswith("All 4 threads for sync endpoints are taken")
    assert any("stood in slow (starves.py:" in line for line in finding.evidence)
    assert "total_tokens = " in finding.fix


def test_a_thread_pool_that_is_full_and_keeps_nobody_waiting_is_left_alone(facts_of: Facts, find: Find) -> None:
    facts = facts_of("suffices")
    assert facts["threads"]["most_borrowed"] == 4
    assert "threads-starved" not in find(facts)
