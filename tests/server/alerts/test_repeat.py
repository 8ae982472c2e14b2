"""From the ledger's states to what a receiver hears over days. The clock is virtual: `now` is handed in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from heaptide_server.leaks import states
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.leaks.states import Event, Options, Seen
from heaptide_server.model import Frame, Site
from heaptide_server.trends.verdict import Verdict

NOW = 1_000_000.0
DAY_S = 86400.0
SITE = Site(0, (Frame("example/cache.py", "remember", 57, True),))


def look(kind, grown):
    verdict = Verdict(
        row=0, suspect=kind == "suspect", clear=kind == "clear", filling=False, z=9.0, bytes_per_hour=1e6, low=9e5,
        high=1.1e6, bytes_per_request=None, grown_bytes=grown, ceiling_bytes=None, clock="time", workers_rising=2,
        workers=2, generations_rising=2, generations=2, evidence="Rose.",
    )  # fmt: skip
    return Seen("f00d", "shop", "production", "site", SITE, "dict", verdict, 5_000_000, None, "1")


@pytest.fixture
def ledger(path, courier):
    found = Ledger(path, courier.enqueue)
    found.migrate()
    return found


@pytest.fixture
def opened(ledger, leak):
    """Puts an open leak into the ledger, told at `NOW`."""
    state = {"suspect_looks": 9, "clear_looks": 0, "held_looks": 9, "filling_looks": 0, "suspected_bytes": 1e6}
    one = replace(
        leak, status="open", last_seen=NOW, state={**state, "grown_bytes": 2e6, "fired": True, "quiet": False}
    )
    ledger.update("shop", "production", NOW, lambda _: Changes([one], [], [Event("leak.firing", one)]))
    return one


@pytest.fixture
def see(ledger):
    """One look at the leak, as the trend job has it."""

    def seen(now, kind="suspect", grown=2e6):
        def step(known):
            leak, event = states.advance(known["f00d"], look(kind, grown), now, Options())
            return Changes([leak], [], [event] if event else [])

        ledger.update("shop", "production", now, step)

    return seen


@pytest.fixture
def heard(courier, receiver):
    def hear(now):
        courier.deliver_due(now)
        bodies = [json.loads(arrival.body) for arrival in receiver.arrivals]
        receiver.arrivals.clear()
        return [body["type"] for body in bodies]

    return hear


def test_an_open_leak_is_told_again_each_day_as_long_as_it_is_seen(ledger, opened, see, heard):
    assert heard(NOW) == ["leak.firing"]
    told = []
    for hour in range(1, 73):
        now = NOW + hour * 3600
        see(now)
        ledger.repeat(now, DAY_S)
        told += [hour] * len(heard(now))
    assert told == [24, 48, 72]


def test_a_repeat_is_the_same_alert_with_a_webhook_id_of_its_own(ledger, opened, see, courier, receiver):
    see(NOW + DAY_S)
    ledger.repeat(NOW + DAY_S, DAY_S)
    courier.deliver_due(NOW + DAY_S)
    first, second = (json.loads(arrival.body)["data"] for arrival in receiver.arrivals)
    assert first["groupKey"] == second["groupKey"]
    assert first["alerts"][0]["fingerprint"] == second["alerts"][0]["fingerprint"]
    assert first["alerts"][0]["labels"] == second["alerts"][0]["labels"]
    assert len({arrival.headers["webhook-id"] for arrival in receiver.arrivals}) == 2


def test_a_leak_whose_service_went_silent_is_not_told_again(ledger, opened, heard):
    heard(NOW)
    assert ledger.repeat(NOW + 9 * DAY_S, DAY_S) == 0


def test_nothing_is_told_again_of_a_leak_that_is_muted_or_resolved(ledger, opened, see, heard):
    heard(NOW)
    ledger.mute("f00d", NOW + 1)
    see(NOW + DAY_S)
    assert ledger.repeat(NOW + 2 * DAY_S, DAY_S) == 0
    ledger.resolve("f00d", NOW + 2 * DAY_S)
    see(NOW + 3 * DAY_S)
    assert ledger.repeat(NOW + 9 * DAY_S, DAY_S) == 0
    assert heard(NOW + 9 * DAY_S) == ["leak.resolved"]


def test_a_muted_leak_fires_again_once_it_has_grown_by_so_much_and_is_repeated_from_then(ledger, opened, see, heard):
    heard(NOW)
    ledger.mute("f00d", NOW, grown_bytes=1e6)
    see(NOW + 2 * DAY_S, grown=2.9e6)
    assert heard(NOW + 2 * DAY_S) == []
    see(NOW + 3 * DAY_S, grown=3e6)
    assert heard(NOW + 3 * DAY_S) == ["leak.firing"]
    see(NOW + 3.9 * DAY_S)
    assert ledger.repeat(NOW + 3.9 * DAY_S, DAY_S) == 0
    assert ledger.repeat(NOW + 4 * DAY_S, DAY_S) == 1


def test_clear_looks_resolve_it_and_end_the_repeats(ledger, opened, see, heard):
    heard(NOW)
    for minute in range(1, 6):
        see(NOW + minute * 60, "clear", 0.0)
    assert heard(NOW + 600) == ["leak.resolved"]
    assert ledger.repeat(NOW + 9 * DAY_S, DAY_S) == 0
    assert heard(NOW + 9 * DAY_S) == []


def test_a_restart_does_not_repeat(path, courier, ledger, opened, see, heard):
    heard(NOW)
    see(NOW + 60)
    again = Ledger(path, courier.enqueue)
    assert again.repeat(NOW + 60, DAY_S) == 0
    see(NOW + DAY_S)
    assert again.repeat(NOW + DAY_S, DAY_S) == 1
    assert again.repeat(NOW + DAY_S + 60, DAY_S) == 0
