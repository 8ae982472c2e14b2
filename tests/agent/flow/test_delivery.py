"""What each answer of the collector means."""

from __future__ import annotations

import logging

import pytest

from heaptide.delivery import Backoff, Delivery
from heaptide.ring import Ring
from heaptide.transport import Answer

WORKER = {"key": "k", "service": "shop", "environment": "test", "release": None}


@pytest.fixture
def ring(make_report) -> Ring:
    ring = Ring()
    for number in (1, 2, 3):
        ring.add(make_report(number - 1, number, requests=number))
    return ring


@pytest.fixture
def resyncs() -> list[int]:
    return []


@pytest.fixture
def delivery(transport, ring, resyncs, clock) -> Delivery:
    return Delivery(transport, ring, WORKER, resyncs.append, clock)


def test_all_that_waits_is_sent_in_order(delivery, transport, ring) -> None:
    delivery.send_all()
    assert [body["sequence"] for _, body in transport.posted] == [1, 2, 3]
    assert delivery.acknowledged == 3
    assert len(ring) == 0


def test_an_outage_is_one_warning_and_its_end_one_line(delivery, transport, ring, clock, caplog) -> None:
    caplog.set_level(logging.INFO, "heaptide")
    for answer in (None, Answer(503, {}), Answer(500, {}), Answer(302, {}), Answer(200, {"hello": "proxy"})):
        transport.answers = [answer]
        delivery.send_all()
        clock.now += 400
    assert len(ring) == 3
    delivery.send_all()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert not any(record.exc_info for record in caplog.records)


def test_no_attempt_is_made_before_the_wait_is_over_but_the_last_chance_ignores_it(delivery, transport, clock) -> None:
    transport.answers = [Answer(429, {}, retry_after_s=120.0)]
    delivery.send_all()
    clock.now += 119
    delivery.send_all()
    assert len(transport.posted) == 1
    delivery.send_all(deadline=clock.now + 2)
    assert [body["sequence"] for _, body in transport.posted] == [1, 1, 2, 3]


def test_nothing_is_sent_past_the_deadline(delivery, transport, clock) -> None:
    delivery.send_all(deadline=clock.now - 1)
    assert not transport.posted


def test_a_gap_that_ends_at_a_report_drops_up_to_it(delivery, transport, resyncs) -> None:
    transport.answers = [Answer(409, {"acknowledged": 2})]
    delivery.send_all()
    assert [body["sequence"] for _, body in transport.posted] == [1, 3]
    assert resyncs == []


@pytest.mark.parametrize("answer", [Answer(409, {"acknowledged": 77}), Answer(409, {"acknowledged": 0})])
def test_any_other_gap_gives_up_what_waits_and_says_everything_anew(delivery, transport, ring, resyncs, answer) -> None:
    transport.answers = [answer]
    delivery.send_all()
    assert resyncs == [6]
    assert len(ring) == 0
    assert len(transport.posted) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_report_is_told_once_and_all_is_said_anew_later(
    delivery, transport, ring, resyncs, make_report, clock, caplog, status
) -> None:
    for _ in range(3):
        transport.answers = [Answer(status, {"error": {"message": "pid is no number"}})]
        delivery.send_all()
        clock.now += 400
        ring.add(make_report(0, 9))
    assert resyncs == [6, 1, 1]
    assert [record.message for record in caplog.records] == [
        "heaptide: the collector refused a report and it is dropped: pid is no number"
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_one_line_and_is_tried_slowly_with_the_files_new_token(
    delivery, transport, ring, clock, caplog, status
) -> None:
    for _ in range(2):
        transport.answers = [Answer(status, {})]
        delivery.send_all()
        assert delivery.not_before - clock.now >= 60
        clock.now += 400
    assert transport.reloaded == 2
    assert len(ring) == 3
    assert len(caplog.records) == 1
    assert "HEAPTIDE_TOKEN" in caplog.text


def test_the_collectors_requests_are_kept_but_not_without_bound(delivery, transport) -> None:
    transport.answers = [Answer(200, {"acknowledged": 1, "requests": [{"id": n} for n in range(99)] + ["odd"]})] * 3
    delivery.send_all()
    assert len(delivery.requests) == 32


def test_an_event_says_whose_it_is_and_is_kept_while_there_is_an_outage(delivery, transport) -> None:
    transport.answers = [None, Answer(503, {}), Answer(202, {}), Answer(404, {})]
    outcomes = [delivery.send_event({"kind": "deploy", "text": "1.2", "at": 5.0}) for _ in range(4)]
    assert outcomes == [False, False, True, True]
    path, body = transport.posted[0]
    assert path == "/api/v1/events"
    about = {"service": "shop", "environment": "test", "release": None}
    assert body == about | {"kind": "deploy", "text": "1.2", "at": 5.0}


def test_waits_grow_to_five_minutes_and_are_spread() -> None:
    backoff, waits = Backoff(), []
    for _ in range(200):
        backoff.failed(0.0, None)
        waits.append(backoff.not_before)
    assert waits[0] <= 1.0
    assert 150 < max(waits) <= 300
    assert min(waits[10:]) < 100
