"""Requests to workers and their answers, in the SQLite store."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from heaptide_server.leaks.ledger import Ledger
from heaptide_server.model import Suspect


def asked(store, worker):
    return [(request["kind"], request["id"]) for request in store.requests_for(worker.key)]


@pytest.fixture
def answers(store):
    def read(leak_id="abc"):
        with closing(sqlite3.connect(store.path)) as connection:
            sql = "SELECT status, reason, pid, sites FROM diagnoses WHERE leak_id = ? ORDER BY id DESC"
            return connection.execute(sql, [leak_id]).fetchall()

    return read


@pytest.fixture
def two(store, sender, send, start):
    workers = [sender(key="a" * 32, pid=10, tracer="sampling"), sender(key="b" * 32, pid=11, tracer="sampling")]
    for worker in workers:
        send(worker, {1: 1000, 2: 64}, start)
    return workers


def ids(store, start):
    return {worker.identity.key: worker.id for worker in store.workers("shop", None, start)}


def diagnose(store, worker_id, now, leak="abc", by_hand=False):
    return store.request_diagnosis(worker_id, {leak: Suspect("suspect", (0, 1))}, by_hand, now)


def test_a_diagnosis_goes_to_one_worker_until_it_answers(store, send, two, found, answers, start):
    worker, other = two
    request = diagnose(store, ids(store, start)[worker.key], start + 1)
    told = {"id": str(request.id), "kind": "diagnose", "sites": [0, 1], "by_hand": False, "source": True}
    assert store.requests_for(worker.key) == [told]
    assert store.requests_for(other.key) == []
    send(worker, {}, start + 2)
    assert store.requests_for(worker.key) == [told]
    send(worker, {}, start + 3, answers=[found(str(request.id), 0, 1)])
    assert store.requests_for(worker.key) == []
    assert [(status, pid) for status, _, pid, _ in answers()] == [("done", 10)]


def test_kinds_are_answered_in_any_order(store, send, two, start):
    worker, _ = two
    trace = store.request_trace("shop", 0, start + 1)
    request = diagnose(store, ids(store, start)[worker.key], start + 1)
    send(worker, {}, start + 2, answers=[{"id": str(request.id), "status": "refused", "reason": "no fork"}])
    assert asked(store, worker) == [("trace", trace)]
    send(worker, {}, start + 3, answers=[{"id": trace, "status": "done"}])
    assert asked(store, worker) == []


def test_nobody_answers_for_another(store, send, two, found, answers, start):
    worker, other = two
    request = diagnose(store, ids(store, start)[worker.key], start + 1)
    send(other, {}, start + 2, answers=[found(str(request.id), 0), found("999", 0), found("x", 0)])
    assert asked(store, worker) == [("diagnose", str(request.id))]
    assert answers() == []


def test_a_report_that_is_not_taken_leaves_no_answer(store, send, two, found, answers, start):
    worker, _ = two
    request = diagnose(store, ids(store, start)[worker.key], start + 1)
    report = worker.report({}, start + 2, answers=[found(str(request.id), 0)])
    (receipt,) = store.append([report], start + 2)
    assert receipt.outcome == "accepted"
    assert store.append([report], start + 3)[0].outcome == "repeated"
    assert len(answers()) == 1
    gap = worker.report({}, start + 4, answers=[found(str(diagnose(store, 1, start + 4).id), 0)])
    assert store.append([gap], start + 4)[0].outcome == "gap"
    assert len(answers()) == 1


def test_an_ended_worker_is_not_asked(store, send, two, start):
    worker, _ = two
    number = ids(store, start)[worker.key]
    request = diagnose(store, number, start + 1)
    send(worker, {}, start + 2, final=True)
    assert asked(store, worker) == []
    assert diagnose(store, number, start + 3) is None
    assert [known.id for known in store.diagnosis_requests()] == [request.id]


def test_a_worker_that_began_anew_has_other_numbers_and_is_not_asked_with_the_old(store, send, two, found, start):
    worker, _ = two
    diagnose(store, ids(store, start)[worker.key], start + 1)
    send(worker, {}, start + 2, resync=True)
    assert asked(store, worker) == []


def test_the_last_few_answers_are_kept_and_the_last_findings(store, send, two, found, answers, start):
    worker, _ = two
    number = ids(store, start)[worker.key]
    for step in range(9):
        request = diagnose(store, number, start + step)
        told = found(str(request.id), 0) if step == 1 else {"id": str(request.id), "status": "refused", "reason": "no"}
        send(worker, {}, start + step, answers=[told])
    assert [status for status, *_ in answers()] == ["refused"] * 5 + ["done"]


def test_requests_and_answers_are_there_after_a_restart(store, send, two, found, start):
    worker, other = two
    first = diagnose(store, ids(store, start)[worker.key], start + 1)
    second = diagnose(store, ids(store, start)[other.key], start + 1, leak="other")
    trace = store.request_trace("shop", 0, start + 1)
    send(worker, {}, start + 2, answers=[found(str(first.id), 0)])
    store.close()
    again = type(store)(store.path)
    again.migrate()
    assert asked(again, other) == [("diagnose", str(second.id)), ("trace", trace)]
    assert [request.answered for request in again.diagnosis_requests()] == [True, False]
    again.close()


def test_requests_past_their_time_are_dropped_when_another_is_made(store, two, start):
    number, other = ids(store, start).values()
    diagnose(store, number, start)
    diagnose(store, other, start + 4000)
    assert [request.worker_id for request in store.diagnosis_requests()] == [other]


def test_holdings_are_what_living_workers_hold_by_their_own_numbers(store, send, two, start):
    worker, other = two
    send(worker, {2: -64, 3: 128}, start + 1)
    send(other, {}, start + 1, final=True)
    (holding,) = store.holdings("shop", "production")
    assert holding.worker.identity.key == worker.key
    assert dict(zip(holding.numbers.tolist(), holding.bytes.tolist(), strict=True)) == {0: 1000, 2: 128}
    assert store.site_map(holding.worker.id)[2] == holding.site_ids[1]
    assert store.holdings("shop", "staging") == []


def test_traced_bytes_come_with_their_error(store, two, start):
    traced = store.traced("shop", None)
    assert {known.bytes for known in traced.values()} == {1064}
    assert {known.error_bytes for known in traced.values()} == {0.0}
    assert store.traced("other", None) == {}


def test_a_ledger_finds_the_answers_in_the_same_file(store, send, two, found, start):
    worker, _ = two
    request = diagnose(store, ids(store, start)[worker.key], start + 1)
    send(worker, {}, start + 2, answers=[found(str(request.id), 0)])
    ledger = Ledger(store.path)
    ledger.migrate()
    assert ledger.answered("abc") == [("suspect", "done")]
