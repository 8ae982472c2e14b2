"""Who is asked why a leak leaks, and when."""

from __future__ import annotations

from typing import Any

import pytest

from heaptide_server.leaks.diagnosing import Diagnosing, NobodyToAskError
from heaptide_server.leaks.fingerprint import fingerprint, place
from heaptide_server.leaks.ledger import Changes, Ledger, UnknownLeakError
from heaptide_server.leaks.states import Event
from heaptide_server.model import Leak

HOUR = 3600.0


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def ledger(store: Any, told: list[Event]) -> Ledger:
    ledger = Ledger(store.path, lambda _db, notices, _now: told.extend(notices))
    ledger.migrate()
    return ledger


@pytest.fixture
def diagnosing(store: Any, ledger: Ledger) -> Diagnosing:
    return Diagnosing(store, ledger)


@pytest.fixture
def put(store: Any, ledger: Ledger) -> Any:
    """Puts the leak of a line into the ledger, and tells of it where a notice is given."""

    def _put(line: int = 1, status: str = "suspect", kind: str = "site", notice: str = "", **facts: Any) -> Leak:
        site = next(site for site in store.sites(range(100)).values() if site.top.line == line)
        values = {
            "id": f"leak-{line}", "service": "shop", "environment": "production", "kind": kind, "status": status,
            "site": site, "type_name": None, "bytes_per_hour": 1.0, "bytes_per_hour_low": 0.0,
            "bytes_per_hour_high": 2.0, "bytes_per_request": None, "live_bytes": 7, "survivor_bytes": None,
            "workers": 1, "generations": 1, "confidence": 0.9, "first_seen": 1.0, "last_seen": 2.0, "release": None,
            "evidence": "", "state": {"grown_bytes": 1.0, "fired": status == "open"},
        }  # fmt: skip
        leak = Leak(**values | facts)  # type: ignore[arg-type]
        events = [Event(notice, leak)] if notice else []  # type: ignore[arg-type]
        ledger.update("shop", "production", 2.0, lambda _known: Changes([leak], [], events))
        return leak

    return _put


@pytest.fixture
def workers(sender: Any, send: Any, start: float) -> list[Any]:
    """Two workers; the second holds more at line 2, which is in the same function as line 1, and line 50 isn't."""
    found = [
        sender(key=key * 32, pid=pid, tracer="sampling", functions={50: "cached"})
        for key, pid in (("a", 10), ("b", 11))
    ]
    send(found[0], {50: 9000, 1: 1000}, start)
    send(found[1], {2: 5000, 50: 20, 1: 900}, start)
    return found


def asked(store: Any, *workers: Any) -> list[Any]:
    return [[request["sites"] for request in store.requests_for(worker.key)] for worker in workers]


def test_one_worker_is_asked_once_the_one_that_holds_most_with_its_own_numbers(
    store: Any, diagnosing: Diagnosing, put: Any, workers: list[Any], start: float
) -> None:
    put()
    assert [diagnosing.tick(start + 1), diagnosing.tick(start + 2)] == [1, 0]
    assert asked(store, *workers) == [[], [[0, 2]]]
    assert store.requests_for(workers[1].key)[0]["by_hand"] is False


@pytest.mark.parametrize(
    "facts", [{"status": "filling"}, {"status": "muted"}, {"status": "resolved"}, {"kind": "native"}]
)
def test_what_is_no_suspect_site_is_not_asked_about(
    diagnosing: Diagnosing, put: Any, workers: list[Any], start: float, facts: dict[str, str]
) -> None:
    put(**facts)
    assert diagnosing.tick(start + 1) == 0


def test_leaks_that_one_worker_holds_most_of_share_its_walk(
    store: Any, ledger: Ledger, diagnosing: Diagnosing, put: Any, sender: Any, send: Any, found: Any, start: float
) -> None:
    worker = sender(tracer="sampling", functions={50: "cached"})
    send(worker, {50: 9000, 1: 1000}, start)
    put(1)
    put(50)
    assert diagnosing.tick(start + 1) == 1
    ((sites,),) = asked(store, worker)
    assert sorted(sites) == [0, 1]
    (request,) = store.diagnosis_requests()
    answer = found(str(request.id), 0)
    answer["sites"] += found(str(request.id), 1, held_by="shop.app._PAGES")["sites"]
    send(worker, {}, start + 2, answers=[answer])
    held_by = {leak.id: leak.diagnosis.findings.paths[0].hops[0].name for leak in ledger.leaks()}
    assert held_by == {"leak-50": "shop.quotes._QUOTES", "leak-1": "shop.app._PAGES"}


def test_no_more_sites_are_asked_for_than_a_worker_takes_the_largest_first(
    store: Any, diagnosing: Diagnosing, put: Any, sender: Any, send: Any, start: float
) -> None:
    worker = sender(tracer="sampling", functions={50: "cached"})
    send(worker, {line: 100 + line for line in range(1, 21)} | {50: 7}, start)
    put(1)
    put(50)
    diagnosing.tick(start + 1)
    assert asked(store, worker) == [[list(range(19, 11, -1))]]


def test_a_worker_is_asked_once_an_hour_unless_by_hand(
    store: Any, diagnosing: Diagnosing, put: Any, workers: list[Any], send: Any, found: Any, start: float
) -> None:
    put(1)
    put(50)
    assert diagnosing.tick(start + 1) == 2
    for worker in workers:
        (request,) = store.requests_for(worker.key)
        send(worker, {}, start + 2, answers=[found(request["id"], *request["sites"])])
    put(1, id="leak-new")
    assert diagnosing.tick(start + HOUR - 10) == 0
    assert diagnosing.ask("leak-new", start + HOUR - 10).body["by_hand"] is True
    put(50, id="leak-newer")
    assert diagnosing.tick(start + HOUR + 2) == 1
    assert asked(store, workers[0]) == [[[0]]]


@pytest.fixture
def grower(store: Any, sender: Any, send: Any, start: float) -> Any:
    """A worker in which two functions grow; its number 2 is line 50."""
    worker = sender(tracer="sampling", functions={50: "cached", 60: "quiet"})
    send(worker, {1: 1000, 60: 9000}, start)
    send(worker, {1: 5000, 50: 70}, start + 1)
    return worker


def id_of(store: Any, line: int) -> str:
    (site,) = (site for site in store.sites(range(100)).values() if site.top.line == line)
    return fingerprint("shop", "production", "site", str(place(site)))


def test_what_grew_beside_a_suspect_is_asked_about_in_the_same_walk_and_explained_if_it_becomes_one(
    store: Any, ledger: Ledger, diagnosing: Diagnosing, put: Any, grower: Any, send: Any, found: Any, start: float
) -> None:
    put(1, id=id_of(store, 1))
    assert diagnosing.tick(start + 2) == 1
    assert asked(store, grower) == [[[0, 2]]]
    (request,) = store.requests_for(grower.key)
    send(grower, {}, start + 3, answers=[found(request["id"], *request["sites"])])
    later = put(50, id=id_of(store, 50))
    diagnosis = ledger.leak(later.id).diagnosis  # type: ignore[union-attr]
    assert diagnosis is not None
    assert diagnosis.status == "done"


def test_what_was_told_before_it_was_a_suspect_is_asked_again_once_a_worker_may_be(
    store: Any, ledger: Ledger, diagnosing: Diagnosing, put: Any, grower: Any, send: Any, found: Any, start: float
) -> None:
    put(1, id=id_of(store, 1))
    diagnosing.tick(start + 2)
    (request,) = store.requests_for(grower.key)
    send(grower, {}, start + 3, answers=[found(request["id"], *request["sites"])])
    later = put(50, id=id_of(store, 50))
    assert diagnosing.tick(start + HOUR) == 0
    assert diagnosing.tick(start + HOUR + 3) == 1
    (request,) = store.requests_for(grower.key)
    send(grower, {}, start + HOUR + 4, answers=[found(request["id"], *request["sites"])])
    assert [as_ for as_, _ in ledger.answered(later.id)] == ["suspect", "early"]


def test_an_answer_about_what_became_no_leak_is_forgotten_after_an_hour(
    store: Any, ledger: Ledger, diagnosing: Diagnosing, put: Any, grower: Any, send: Any, found: Any, start: float
) -> None:
    put(1, id=id_of(store, 1))
    diagnosing.tick(start + 2)
    (request,) = store.requests_for(grower.key)
    send(grower, {}, start + 3, answers=[found(request["id"], *request["sites"])])
    for now, kept in ((start + HOUR, 1), (start + HOUR + 4, 0)):
        ledger.update("shop", "production", now, lambda _known: Changes([], [], []))
        assert len(ledger.answered(id_of(store, 50))) == kept


def test_another_worker_is_asked_where_the_first_ends_without_an_answer(
    store: Any, diagnosing: Diagnosing, put: Any, workers: list[Any], send: Any, start: float
) -> None:
    put()
    diagnosing.tick(start + 1)
    send(workers[1], {}, start + 2, final=True)
    assert diagnosing.tick(start + 3) == 1
    assert asked(store, workers[0]) == [[[1]]]


def test_a_refusal_is_final_until_the_leak_opens(
    store: Any, ledger: Ledger, diagnosing: Diagnosing, put: Any, workers: list[Any], send: Any, start: float
) -> None:
    put()
    diagnosing.tick(start + 1)
    (request,) = store.requests_for(workers[1].key)
    send(workers[1], {}, start + 2, answers=[{"id": request["id"], "status": "refused", "reason": "too large to fork"}])
    assert diagnosing.tick(start + 3) == 0
    put(status="open")
    assert diagnosing.tick(start + 4) == 1
    (request,) = store.requests_for(workers[0].key)
    send(workers[0], {}, start + 5, answers=[{"id": request["id"], "status": "refused", "reason": "too large to fork"}])
    assert diagnosing.tick(start + 2 * HOUR) == 0
    diagnosis = ledger.leak("leak-1").diagnosis  # type: ignore[union-attr]
    assert diagnosis is not None
    assert (diagnosis.status, diagnosis.reason, diagnosis.pid) == ("refused", "too large to fork", 10)


def test_an_explained_leak_is_not_asked_about_again_and_its_firing_carries_the_answer(
    store: Any, diagnosing: Diagnosing, put: Any, workers: list[Any], send: Any, found: Any, start: float, told: Any
) -> None:
    put()
    diagnosing.tick(start + 1)
    (request,) = store.requests_for(workers[1].key)
    send(workers[1], {}, start + 2, answers=[found(request["id"], *request["sites"])])
    put(status="open", notice="leak.firing")
    assert diagnosing.tick(start + 3 * HOUR) == 0
    assert told[0].leak.diagnosis.findings.paths[0].count == 2 * 187
    assert told[0].leak.diagnosis.findings.types[0] == ("shop.quotes.Quote", 0.75)


def test_a_leak_that_turned_out_to_be_none_takes_its_answers_along(
    store: Any,
    ledger: Ledger,
    diagnosing: Diagnosing,
    put: Any,
    workers: list[Any],
    send: Any,
    found: Any,
    start: float,
) -> None:
    put()
    request = diagnosing.ask("leak-1", start + 1)
    send(workers[1], {}, start + 2, answers=[found(str(request.id), 0)])
    assert ledger.answered("leak-1") == [("suspect", "done")]
    ledger.update("shop", "production", start + 3, lambda _known: Changes([], ["leak-1"], []))
    assert ledger.answered("leak-1") == []


def test_asking_twice_by_hand_is_asking_once(
    store: Any, diagnosing: Diagnosing, put: Any, workers: list[Any], start: float
) -> None:
    put()
    assert diagnosing.ask("leak-1", start + 1).id == diagnosing.ask("leak-1", start + 2).id
    assert len(store.diagnosis_requests()) == 1


def test_who_cannot_be_asked_is_said_in_a_sentence(
    diagnosing: Diagnosing, put: Any, sender: Any, send: Any, start: float
) -> None:
    worker = sender(tracer="exact")
    send(worker, {1: 1000}, start)
    put()
    assert diagnosing.tick(start + 1) == 0
    with pytest.raises(NobodyToAskError, match="No living worker of 'shop' samples its allocations"):
        diagnosing.ask("leak-1", start + 1)
    sampling = sender(key="c" * 32, tracer="sampling", functions={3: "other"})
    send(sampling, {3: 10}, start + 1)
    with pytest.raises(NobodyToAskError, match="try again when it has grown"):
        diagnosing.ask("leak-1", start + 1)
    put(kind="native")
    with pytest.raises(NobodyToAskError, match="Only a leak at a line of code"):
        diagnosing.ask("leak-1", start + 1)
    with pytest.raises(UnknownLeakError, match="nothing"):
        diagnosing.ask("nothing", start + 1)
