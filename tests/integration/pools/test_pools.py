"""Faults of pools on a real PostgreSQL are found with each library, and what only looks like them isn't."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from heaptide_server.checks.finding import Finding

Facts = Callable[..., dict[str, Any]]
Find = Callable[..., dict[str, Finding]]

LIBRARIES = ("sqlalchemy_sync", "sqlalchemy_async", "asyncpg", "psycopg_sync", "psycopg_async")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_pool_that_is_too_small_is_found_with_who_holds_it(facts_of: Facts, find: Find, library: str) -> None:
    facts = facts_of(library, "small")
    assert (facts["size"], facts["checkouts"], facts["returned"], facts["most_out"]) == (2, 8, 8, 2)
    assert facts["most_waiting"] >= 4
    assert facts["longest_wait_s"] >= 0.2
    assert 0.1 <= facts["held_s"] / facts["returned"] < 1
    assert facts["holders"][0][0] == "pools.py"
    assert facts["holders"][0][1].endswith("work")
    assert len(json.dumps(facts)) < 4096
    # A service would have more checkouts than one burst.
    finding = find({**facts, "waited": 10 * facts["waited"], "checkouts": 10 * facts["checkouts"]})["pool-exhausted"]
    assert finding.severity == "warning"
    assert any("Little's law" in line for line in finding.evidence)
    assert any("work (pools.py:" in line for line in finding.evidence)


@pytest.mark.parametrize("library", ["sqlalchemy_sync", "asyncpg", "psycopg_async"])
def test_a_pool_that_is_large_enough_is_left_alone(facts_of: Facts, find: Find, library: str) -> None:
    facts = facts_of(library, "enough")
    assert facts["most_waiting"] == facts["timeouts"] == 0
    assert "pool-exhausted" not in find({**facts, "waited": 10 * facts["waited"], "checkouts": 10 * facts["checkouts"]})


@pytest.mark.parametrize("library", ["sqlalchemy_async", "asyncpg", "psycopg_sync"])
def test_callers_that_gave_up_are_counted_and_make_it_critical(facts_of: Facts, find: Find, library: str) -> None:
    facts = facts_of(library, "timeout")
    assert facts["timeouts"] >= 3
    assert facts["checkouts"] + facts["timeouts"] == 8
    assert find(facts)["pool-exhausted"].severity == "critical"


@pytest.mark.parametrize("library", ["sqlalchemy_sync", "sqlalchemy_async"])
def test_a_connection_that_is_held_for_other_things_than_queries_is_to_be_given_back_earlier(
    facts_of: Facts, find: Find, library: str
) -> None:
    facts = facts_of(library, "elsewhere")
    assert facts["query_s"] < 0.5 * facts["held_s"]
    finding = find({**facts, "waited": 10 * facts["waited"]})["pool-exhausted"]
    assert "while no query runs" in finding.fix
    assert "while no query runs" not in find({**facts_of(library, "small"), "waited": 100})["pool-exhausted"].fix


@pytest.mark.parametrize("library", ["sqlalchemy_sync", "sqlalchemy_async"])
def test_connections_that_the_server_refuses_are_counted_and_make_it_critical(
    facts_of: Facts, find: Find, library: str
) -> None:
    facts = facts_of(library, "many")
    assert facts["refused"] >= 1
    assert find(facts)["pool-too-large"].severity == "critical"


@pytest.mark.parametrize("library", ["sqlalchemy_async", "asyncpg", "psycopg_sync"])
def test_a_connection_that_is_out_shows_as_checked_out(facts_of: Facts, library: str) -> None:
    facts = facts_of(library, "kept")
    assert facts["checked_out"] == 1
    assert facts["returned"] == 0


@pytest.mark.parametrize("library", ["sqlalchemy_sync", "asyncpg", "psycopg_sync"])
def test_connections_that_dont_come_back_are_found_with_who_has_them_and_slow_ones_are_not(
    facts_of: Facts, find: Find, library: str
) -> None:
    finding = find(facts_of(library, "held"))["pool-held"]
    assert finding.severity == "critical"
    assert "work (pools.py:" in finding.evidence[0]
    assert "has held 4 for up to " in finding.evidence[0]
    lent = facts_of(library, "lent")
    assert lent["longest_held_s"] >= 20
    assert "pool-held" not in find(lent)


def test_an_engine_without_protection_from_dead_connections_is_told_from_one_that_has_it(
    facts_of: Facts, find: Find
) -> None:
    assert find(facts_of("sqlalchemy_sync", "enough"))["pool-settings"].severity == "info"
    assert find(facts_of("sqlalchemy_sync", "guarded")) == {}
    assert "pool-settings" not in find(facts_of("asyncpg", "enough"))  # it has none of these settings


def test_all_workers_pools_together_are_held_against_what_the_server_allows(facts_of: Facts, find: Find) -> None:
    facts = facts_of("sqlalchemy_sync", "enough")
    assert "pool-too-large" not in find(facts, workers=12)
    finding = find(facts, workers=13)["pool-too-large"]
    assert "13 workers x (pool_size 8 + max_overflow 0) = 104." in finding.evidence[0]
    assert "pool_size=7" in finding.fix
    assert len(finding.workers) == 13


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_database_that_may_be_asked_says_what_it_allows(facts_of: Facts, find: Find, library: str) -> None:
    facts = facts_of(library, "asked")
    assert facts["max_connections"] == 20
    assert facts["checkouts"] == 3  # two callers, and the question
    assert find(facts, workers=9)["pool-too-large"].severity == "critical"
    assert "pool-too-large" not in find(facts, workers=8)


def test_a_database_is_not_asked_unless_that_is_allowed(facts_of: Facts) -> None:
    assert "max_connections" not in facts_of("sqlalchemy_sync", "small")
