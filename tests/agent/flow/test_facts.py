"""Probes' facts on their way: whole where all is said anew, else what changed, and never lost on the way."""

from __future__ import annotations

import time

import pytest

from heaptide.delivery import Delivery
from heaptide.gate import Gate
from heaptide.probes import Probes
from heaptide.reporter import Reporter, Sources
from heaptide.ring import Ring
from heaptide.transport import Answer

WORKER = {"key": "k", "service": "shop", "environment": "test", "release": None}
REFUSED = Answer(
    422, {"error": {"code": "invalid_report", "message": "Extra inputs aren't permitted.", "field": "facts"}}
)


class Told:
    name = "told"
    level = 1

    def facts(self) -> dict[str, int]:
        return {"level": self.level}


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def reporter(tracer, census, vitals, told) -> Reporter:
    gate = Gate()
    sources = Sources(tracer, census, vitals, lambda file: (file, True))
    probes = Probes([lambda _: told], gate)
    return Reporter(sources, interval_s=1, started_at=time.time(), gate=gate, probes=probes)


def take(reporter: Reporter):
    return reporter.take(0, held_bytes=0)


def test_a_report_carries_what_changed_and_all_of_it_where_it_begins_anew(reporter, told) -> None:
    assert take(reporter).facts == {"told": '{"level":1}'}
    assert take(reporter).facts == {}
    told.level = 2
    assert take(reporter).facts == {"told": '{"level":2}'}
    reporter.resync()
    assert take(reporter).facts == {"told": '{"level":2}'}


def test_reports_that_become_one_keep_the_newest_facts_of_each_probe(make_report) -> None:
    first = make_report(1, 2, facts={"a": "1", "b": "1"})
    assert first.followed_by(make_report(2, 3, facts={"b": "2"})).facts == {"a": "1", "b": "2"}
    assert first.followed_by(make_report(2, 3)).facts == {"a": "1", "b": "1"}


def test_facts_count_in_what_a_waiting_report_holds(make_report) -> None:
    assert make_report(1, 2, facts={"a": "x" * 4000}).size_bytes() - make_report(1, 2).size_bytes() == 4000


def test_a_report_without_facts_is_the_one_that_older_collectors_know(make_report) -> None:
    assert "facts" not in make_report(0, 1).body(WORKER, sent_at=0.0, dropped_reports=0)
    body = make_report(0, 1, facts={"a": '{"b":1}'}).body(WORKER, sent_at=0.0, dropped_reports=0)
    assert body["facts"] == {"a": {"b": 1}}


def test_a_collector_that_knows_no_facts_gets_the_same_reports_without_them(make_report, transport, clock) -> None:
    ring, resyncs = Ring(), []
    for number in (1, 2):
        ring.add(make_report(number - 1, number, facts={"a": '{"b":1}'}))
    transport.answers = [REFUSED]
    Delivery(transport, ring, WORKER, resyncs.append, clock).send_all()
    assert [(body["sequence"], "facts" in body) for _, body in transport.posted] == [(1, True), (1, False), (2, False)]
    assert (len(ring), resyncs) == (0, [])


def test_a_collector_that_refuses_the_report_itself_isnt_asked_again(make_report, transport, clock) -> None:
    ring, resyncs = Ring(), []
    ring.add(make_report(0, 1, facts={"a": '{"b":1}'}))
    transport.answers = [Answer(422, {"error": {"message": "no", "field": "facts.a"}})]
    Delivery(transport, ring, WORKER, resyncs.append, clock).send_all()
    assert len(transport.posted) == 1
    assert len(resyncs) == 1
