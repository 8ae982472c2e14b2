"""A pool's ledger counts what its callers saw, and stays small."""

from __future__ import annotations

import json
import time
from types import CodeType

import pytest

from heaptide.frames import Call
from heaptide.probes.pools.ledger import MOST_SITES, Ledger


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> Ledger:
    return Ledger(lambda file: (file, True), clock=clock)


def call(name: str, line: int = 3) -> Call:
    names = {field: name for field in ("co_name", "co_qualname") if hasattr(CodeType, field)}  # qualified since 3.11
    return Call(compile("", "shop.py", "exec").replace(**names), line, 0)  # type: ignore[arg-type]


class RefusedError(Exception):
    sqlstate = "53300"


class WrappingError(Exception):
    orig = RefusedError()


def test_holds_are_summed_by_the_code_that_took_the_connection(ledger: Ledger, clock: Clock) -> None:
    for key, name, seconds in ((1, "report", 2.0), (2, "order", 0.5), (3, "report", 3.0)):
        ledger.out(key, call(name) if name == "order" else REPORT)
        clock.now += seconds
        ledger.back(key)
    facts = ledger.facts()
    assert (facts["checkouts"], facts["returned"], facts["held_s"], facts["longest_held_s"]) == (3, 3, 5.5, 3.0)
    assert facts["holders"] == [["shop.py", "report", 3, 2, 5.0, 3.0], ["shop.py", "order", 3, 1, 0.5, 0.5]]


REPORT = call("report")


def test_what_is_out_for_long_is_told_with_its_code(ledger: Ledger, clock: Clock) -> None:
    ledger.out(1, REPORT)
    ledger.out(2, None)
    clock.now += 9
    assert ledger.facts()["held_long"] == []
    ledger.out(3, REPORT)
    clock.now += 60
    assert ledger.facts()["held_long"] == [["shop.py", "report", 3, 2, 69], [None, None, None, 1, 69]]
    for key in (1, 2, 3):
        ledger.back(key)
    assert ledger.facts()["held_long"] == []


@pytest.mark.parametrize(
    ("error", "timeouts", "refused"),
    [
        (TimeoutError(), 1, 0),
        (RefusedError(), 0, 1),
        (WrappingError(), 0, 1),
        (OSError("FATAL: sorry, too many clients already"), 0, 1),
        (OSError("connection refused"), 0, 0),
    ],
)
def test_failures_are_told_apart(ledger: Ledger, error: Exception, timeouts: int, refused: int) -> None:
    before = int(time.time())
    ledger.failed(error)
    assert (ledger.timeouts, ledger.refused) == (timeouts, refused)
    failed_at = ledger.facts()["failed_at"]
    assert failed_at is None if timeouts == refused else before <= failed_at <= time.time() + 1


def test_a_connection_that_came_back_twice_or_was_never_seen_counts_once(ledger: Ledger) -> None:
    ledger.out(1, None)
    for key in (1, 1, 2):
        ledger.back(key)
    assert ledger.returned == 1


def test_ten_thousand_places_and_connections_take_bounded_room(ledger: Ledger) -> None:
    for key in range(10_000):
        ledger.out(key, call(f"function_{key}"))
        if key % 2:
            ledger.back(key)
    assert len(ledger._sites) <= 50
    assert len(ledger._out) <= 1000
    assert len(ledger.facts()["holders"]) <= MOST_SITES
    assert len(json.dumps(ledger.facts())) < 2000
