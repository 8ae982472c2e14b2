"""What a courier does with what receivers answer. The times are virtual: `now` is handed in."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace

import pytest
from standardwebhooks import Webhook

from heaptide_server.alerts import history, schedule
from heaptide_server.alerts.line import Limits
from heaptide_server.alerts.targets import Target

NOW = 1_000_000.0


def types(receiver):
    return [json.loads(arrival.body)["type"] for arrival in receiver.arrivals]


def test_firing_and_resolved_arrive_once_each_in_order_and_verify_with_the_reference_package(
    courier, leak, tell, receiver, secret
):
    tell(courier, leak, "leak.firing", "leak.resolved")
    assert courier.deliver_due(time.time()) == 2
    assert courier.deliver_due(time.time()) == 0
    bodies = [Webhook(secret).verify(arrival.body, arrival.headers) for arrival in receiver.arrivals]
    assert [body["type"] for body in bodies] == ["leak.firing", "leak.resolved"]
    assert [body["data"]["status"] for body in bodies] == ["firing", "resolved"]
    assert len({arrival.headers["webhook-id"] for arrival in receiver.arrivals}) == 2


def test_retries_keep_the_schedule_and_the_webhook_id_and_end_dead(courier, leak, tell, receiver):
    receiver.will(*[receiver.answer(500)] * 20)
    tell(courier, leak, "leak.firing", now=NOW)
    moments, now = [], NOW
    for delay_s in (0, 5, 300, 1800, 7200, 18000, 36000):
        courier.deliver_due(now + delay_s - 0.5 if delay_s else now - 0.5)
        before = len(receiver.arrivals)
        now += delay_s + 0.1  # recording takes a moment of the attempt's own time
        courier.deliver_due(now)
        moments.append(len(receiver.arrivals) - before)
    assert moments == [1] * 7
    courier.deliver_due(now + 1e6)
    assert len(receiver.arrivals) == 7
    assert len({arrival.headers["webhook-id"] for arrival in receiver.arrivals}) == 1
    (row,) = courier.recent()
    assert (row.status, row.attempts, row.status_code) == ("dead", 7, 500)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(courier, leak, tell, receiver, status):
    receiver.will(receiver.answer(status, Location=receiver.url + "/elsewhere"))
    tell(courier, leak, "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 0
    (row,) = courier.recent()
    assert len(receiver.arrivals) == 1
    assert (row.status, row.status_code) == ("pending", status)
    assert "redirects are not followed" in row.error


@pytest.mark.parametrize("behaviour", ["hang", "close_early", "drip"])
def test_a_receiver_without_an_answer_is_tried_again_soon(courier, leak, tell, receiver, behaviour):
    receiver.will(getattr(receiver, behaviour))
    tell(courier, leak, "leak.firing", now=NOW)
    began = time.monotonic()
    assert courier.deliver_due(NOW) == 0
    assert time.monotonic() - began < 3
    (row,) = courier.recent()
    assert (row.status, row.status_code, row.attempts) == ("pending", None, 1)
    assert row.error
    assert courier.deliver_due(NOW + 10) == 1
    assert len({arrival.headers["webhook-id"] for arrival in receiver.arrivals}) == 1


def test_a_success_whose_body_breaks_off_is_a_success(courier, leak, tell, receiver):
    receiver.will(receiver.break_off)
    tell(courier, leak, "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 1
    (row,) = courier.recent()
    assert (row.status, row.answer, row.error) == ("delivered", "part", None)


def test_of_a_huge_answer_only_two_kilobytes_are_read(courier, leak, tell, receiver):
    receiver.will(receiver.flood)
    tell(courier, leak, "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 1
    (row,) = courier.recent()
    assert row.answer == "x" * 2048


def test_410_disables_the_target_until_a_replay(courier, leak, tell, receiver):
    receiver.will(receiver.answer(410, b"gone"))
    tell(courier, leak, "leak.firing", "leak.resolved", now=NOW)
    assert courier.deliver_due(NOW) == 0
    tell(courier, leak, "leak.firing", now=NOW + 1)
    assert courier.deliver_due(NOW + 1e5) == 0
    rows = courier.recent()
    assert [row.status for row in rows] == ["disabled"] * 3
    assert rows[-1].answer == "gone"
    assert len(receiver.arrivals) == 1
    courier.replay(rows[0].id, NOW + 2e5)
    assert courier.deliver_due(NOW + 2e5) == 1


def test_a_target_that_got_a_new_url_is_not_disabled(courier_to, target, leak, tell, receiver):
    receiver.will(receiver.answer(410))
    old = courier_to(target)
    tell(old, leak, "leak.firing", now=NOW)
    old.deliver_due(NOW)
    new = courier_to(Target(target.name, target.url + "/new", target.secrets, target.format, target.policy))
    tell(new, leak, "leak.firing", now=NOW)
    assert new.deliver_due(NOW) == 1
    assert receiver.arrivals[-1].path.endswith("/new")


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_retry_after_puts_off_everything_for_that_target(courier, leak, tell, receiver, status):
    receiver.will(receiver.answer(status, Retry_After="600"))
    tell(courier, leak, "leak.firing", now=NOW)
    courier.deliver_due(NOW)
    other = replace(leak, id="beef")
    tell(courier, other, "leak.firing", now=NOW + 1)
    assert courier.deliver_due(NOW + 599) == 0
    assert len(receiver.arrivals) == 1
    assert courier.deliver_due(NOW + 601) == 2


def test_an_overloaded_target_without_retry_after_is_left_alone_until_its_next_attempt(courier, leak, tell, receiver):
    receiver.will(receiver.answer(429))
    tell(courier, leak, "leak.firing", now=NOW)
    courier.deliver_due(NOW)
    other = replace(leak, id="beef")
    tell(courier, other, "leak.firing", now=NOW)
    assert courier.deliver_due(NOW + 4) == 0
    assert courier.deliver_due(NOW + 6) == 2


def test_one_silent_target_does_not_keep_alerts_from_the_other(courier_to, target, leak, tell, receiver):
    with_nobody = Target("nobody", "http://127.0.0.1:9/", target.secrets, target.format, target.policy)
    both = courier_to(with_nobody, target)
    tell(both, leak, "leak.firing", now=NOW)
    assert both.deliver_due(NOW) == 1
    assert {row.target: row.status for row in both.recent()} == {"nobody": "pending", "webhook": "delivered"}


def test_a_silent_target_costs_one_time_out_a_call_however_much_waits_for_it(courier, leak, tell, receiver):
    receiver.will(receiver.hang)
    for number in range(5):
        tell(courier, replace(leak, id=str(number)), "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 0
    assert len(receiver.arrivals) == 1
    assert courier.deliver_due(NOW + 10) == 5


def test_resolved_waits_for_its_firing_but_other_leaks_do_not(courier, leak, tell, receiver):
    receiver.will(receiver.answer(500))
    other = replace(leak, id="beef")
    tell(courier, leak, "leak.firing", "leak.resolved", now=NOW)
    tell(courier, other, "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 1
    assert [json.loads(arrival.body)["data"]["leaks"][0]["id"] for arrival in receiver.arrivals] == ["f00d", "beef"]
    assert courier.deliver_due(NOW + 10) == 2
    assert types(receiver) == ["leak.firing", "leak.firing", "leak.firing", "leak.resolved"]


def test_resolved_is_sent_after_its_firing_died(courier, leak, tell, receiver):
    receiver.will(*[receiver.answer(500)] * 7)
    tell(courier, leak, "leak.firing", "leak.resolved", now=NOW)
    now = NOW
    for _ in range(7):
        assert courier.deliver_due(now) in (0, 1)
        now += 50_000
    assert types(receiver) == ["leak.firing"] * 7 + ["leak.resolved"]
    assert [row.status for row in courier.recent()] == ["delivered", "dead"]


def test_an_old_firing_can_not_be_replayed_over_its_delivered_resolved(courier, leak, tell, receiver):
    receiver.will(*[receiver.answer(500)] * 7)
    tell(courier, leak, "leak.firing", "leak.resolved", now=NOW)
    for step in range(7):
        courier.deliver_due(NOW + step * 50_000)
    dead = courier.recent()[-1]
    with pytest.raises(history.ReplayRefusedError, match="out of date"):
        courier.replay(dead.id, NOW)
    with pytest.raises(history.ReplayRefusedError, match="is delivered"):
        courier.replay(courier.recent()[0].id, NOW)
    with pytest.raises(history.UnknownDeliveryError, match="no delivery 99"):
        courier.replay(99, NOW)


def test_a_dead_delivery_is_replayed_with_its_webhook_id(courier, leak, tell, receiver):
    receiver.will(*[receiver.answer(500)] * 7)
    tell(courier, leak, "leak.firing", now=NOW)
    for step in range(8):
        courier.deliver_due(NOW + step * 50_000)
    courier.replay(courier.recent()[0].id, NOW)
    assert courier.deliver_due(NOW) == 1
    assert len(receiver.arrivals) == 8
    assert len({arrival.headers["webhook-id"] for arrival in receiver.arrivals}) == 1


def test_what_waits_for_a_target_that_is_not_configured_any_more_dies_visibly(courier, courier_to, leak, tell):
    tell(courier, leak, "leak.firing", now=NOW)
    courier_to().deliver_due(NOW)
    (row,) = courier.recent()
    assert row.status == "dead"
    assert "no webhook named webhook is configured" in row.error


def test_the_test_button_sends_a_pair_and_enables_a_disabled_target(courier, leak, tell, target, receiver):
    receiver.will(receiver.answer(410), receiver.answer(200, b"thanks"), receiver.answer(202))
    tell(courier, leak, "leak.firing", now=NOW)
    courier.deliver_due(NOW)
    answers = courier.test(target, NOW)
    assert [(answer.status, answer.body) for answer in answers] == [(200, "thanks"), (202, "")]
    assert all(answer.latency_s > 0 for answer in answers)
    bodies = [json.loads(arrival.body) for arrival in receiver.arrivals[1:]]
    assert [(body["type"], body["data"]["status"]) for body in bodies] == [
        ("leak.test", "firing"),
        ("leak.test", "resolved"),
    ]
    tell(courier, leak, "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 1


def test_a_test_that_fails_says_why_and_sends_no_resolved(courier, target, receiver):
    receiver.will(receiver.answer(403, b"no"))
    (answer,) = courier.test(target, NOW)
    assert (answer.status, answer.error, answer.body) == (403, "answered 403", "no")


def test_stop_breaks_off_what_is_under_way_and_leaves_it_due(courier_to, target, leak, tell, receiver):
    patient = courier_to(target, limits=Limits(10, 10))
    receiver.will(receiver.hang)
    tell(patient, leak, "leak.firing", now=NOW)
    thread = threading.Thread(target=patient.deliver_due, args=(NOW,))
    thread.start()
    assert receiver.arrived.wait(5)
    patient.stop()
    thread.join(5)
    assert not thread.is_alive()
    (row,) = patient.recent()
    assert (row.status, row.attempts) == ("pending", 0)


def test_an_outage_is_one_line_and_its_end_another(courier, leak, tell, receiver, caplog):
    caplog.set_level("INFO", "heaptide_server.alerts")
    receiver.will(receiver.answer(500), receiver.answer(500), receiver.answer(500))
    tell(courier, leak, "leak.firing", now=NOW)
    for step in range(5):
        courier.deliver_due(NOW + step * 10_000)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_jitter_only_ever_adds_up_to_a_fifth(draw):
    for attempts in range(1, 7):
        delay_s = schedule.next_delay_s(attempts, 0.0, lambda: draw)
        assert schedule.DELAYS_S[attempts] <= delay_s < schedule.DELAYS_S[attempts] * 1.2
    assert schedule.next_delay_s(7, 0.0, lambda: draw) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 12 Jan 1970 13:48:40 GMT", 120.0),
        ("Mon, 12 Jan 1970 13:40:00 GMT", 0.0),
        ("999999999", 36000.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("", 0.0),
        (None, 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_bounded_and_anything_else_is_ignored(header, seconds):
    assert schedule.retry_after_s(429, header, NOW) == seconds
    assert schedule.retry_after_s(500, header, NOW) == 0.0
