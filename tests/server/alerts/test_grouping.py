"""Notices of one service that come within a short time travel together, and keep their order."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from heaptide_server.alerts.channels import SLACK_LEAKS
from heaptide_server.alerts.targets import Target
from heaptide_server.model import Frame, Site

NOW = 1_000_000.0


@pytest.fixture
def leaks(leak):
    return [replace(leak, id=name, site=Site(1, (Frame(f"{name}.py", "f", 1, True),))) for name in "abcdefgh"]


@pytest.fixture
def grouping(courier_to, target):
    return courier_to(target, group_s=30.0)


def told(receiver):
    """Each arrival's type and leaks."""
    bodies = [json.loads(arrival.body) for arrival in receiver.arrivals]
    return [(body["type"][5:], "".join(leak["id"] for leak in body["data"]["leaks"])) for body in bodies]


def test_leaks_of_a_service_within_the_window_are_one_message(grouping, leaks, tell, receiver):
    for second, leak in enumerate(leaks[:3]):
        tell(grouping, leak, "leak.firing", now=NOW + second)
    assert grouping.deliver_due(NOW + 29) == 0
    assert grouping.deliver_due(NOW + 30) == 1
    (arrival,) = receiver.arrivals
    data = json.loads(arrival.body)["data"]
    assert [alert["fingerprint"] for alert in data["alerts"]] == ["a", "b", "c"]
    assert data["commonLabels"] == data["groupLabels"] | {"kind": "site"}
    assert set(data["commonAnnotations"]) == {"evidence"}


def test_other_services_environments_and_kinds_of_notice_travel_apart(grouping, leaks, tell, receiver):
    a, b, c, d = leaks[:4]
    tell(grouping, a, "leak.firing", now=NOW)
    tell(grouping, replace(b, service="pay"), "leak.firing", now=NOW)
    tell(grouping, replace(c, environment="staging"), "leak.firing", now=NOW)
    tell(grouping, d, "leak.resolved", now=NOW)
    assert grouping.deliver_due(NOW + 30) == 4
    assert told(receiver) == [("firing", "a"), ("firing", "b"), ("firing", "c"), ("resolved", "d")]


def test_nothing_joins_a_message_after_its_first_attempt_so_retries_are_the_same(grouping, leaks, tell, receiver):
    receiver.will(receiver.answer(500))
    tell(grouping, leaks[0], "leak.firing", now=NOW)
    grouping.deliver_due(NOW + 30)
    tell(grouping, leaks[1], "leak.firing", now=NOW + 31)
    grouping.deliver_due(NOW + 100)
    assert told(receiver) == [("firing", "a"), ("firing", "a"), ("firing", "b")]
    first, second, third = receiver.arrivals
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] != third.headers["webhook-id"]


def test_a_leak_that_fires_and_ends_within_the_window_is_told_in_that_order(grouping, leaks, tell, receiver):
    a, b = leaks[:2]
    tell(grouping, b, "leak.firing", now=NOW)
    tell(grouping, a, "leak.firing", now=NOW + 1)
    tell(grouping, a, "leak.resolved", now=NOW + 2)
    tell(grouping, a, "leak.firing", now=NOW + 3)
    assert grouping.deliver_due(NOW + 60) == 3
    assert told(receiver) == [("firing", "ba"), ("resolved", "a"), ("firing", "a")]


def test_a_firing_does_not_join_a_message_that_is_older_than_its_leaks_end(grouping, leaks, tell, receiver):
    a, b = leaks[:2]
    tell(grouping, a, "leak.firing", now=NOW)
    grouping.deliver_due(NOW + 30)
    tell(grouping, b, "leak.firing", now=NOW + 31)
    tell(grouping, a, "leak.resolved", now=NOW + 32)
    tell(grouping, a, "leak.firing", now=NOW + 33)
    grouping.deliver_due(NOW + 100)
    assert told(receiver) == [("firing", "a"), ("firing", "b"), ("resolved", "a"), ("firing", "a")]


def test_a_leak_whose_firing_still_waits_does_not_hold_up_the_others_of_its_group(grouping, leaks, tell, receiver):
    a, b = leaks[:2]
    receiver.will(receiver.answer(500), receiver.answer(500))
    tell(grouping, a, "leak.firing", now=NOW)
    grouping.deliver_due(NOW + 30)
    grouping.deliver_due(NOW + 50)
    tell(grouping, b, "leak.resolved", now=NOW + 60)
    tell(grouping, a, "leak.resolved", now=NOW + 61)
    grouping.deliver_due(NOW + 120)
    assert told(receiver) == [("firing", "a"), ("firing", "a"), ("resolved", "b")]
    grouping.deliver_due(NOW + 1000)
    assert told(receiver)[3:] == [("firing", "a"), ("resolved", "a")]


def test_pagerduty_gets_an_event_a_leak_at_once(courier_to, receiver, policy, leaks, tell):
    pager = Target("pager", receiver.url, (), "pagerduty", policy, routing_key="R" * 32)
    courier = courier_to(pager, group_s=30.0)
    for leak in leaks[:2]:
        tell(courier, leak, "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 2
    assert [json.loads(arrival.body)["dedup_key"] for arrival in receiver.arrivals] == ["a", "b"]


@pytest.mark.parametrize("number", [2, SLACK_LEAKS, SLACK_LEAKS + 1])
def test_slack_gets_one_message_up_to_its_limits_and_no_leak_is_left_out(
    courier_to, receiver, policy, leak, tell, number
):
    courier = courier_to(Target("chat", receiver.url, (), "slack", policy), group_s=30.0)
    for index in range(number):
        site = Site(1, (Frame("f" * 3000, f"<leak-{index}>", 1, True),))
        tell(courier, replace(leak, id=str(index), site=site, evidence="e" * 5000), "leak.firing", now=NOW)
    courier.deliver_due(NOW + 30)
    messages = [json.loads(arrival.body) for arrival in receiver.arrivals]
    assert len(messages) == 1 + (number > SLACK_LEAKS)
    for message in messages:
        header, *sections = message["blocks"]
        assert len(message["blocks"]) <= 50
        assert len(header["text"]["text"]) <= 150
        assert len(message["text"]) <= 3000
        assert all(0 < len(section["text"]["text"]) <= 3000 for section in sections)
    text = json.dumps(messages)
    assert all(f"http://collector.example/leaks/{index}|" in text for index in range(number))
    assert f"{min(number, SLACK_LEAKS)} memory leaks in shop (production)" in text


def test_a_window_of_nothing_sends_each_alone_and_at_once(courier, leaks, tell, receiver):
    tell(courier, leaks[0], "leak.firing", now=NOW)
    tell(courier, leaks[1], "leak.firing", now=NOW)
    assert courier.deliver_due(NOW) == 2
    assert told(receiver) == [("firing", "a"), ("firing", "b")]


def test_a_replayed_firing_that_something_newer_overtook_is_not_sent(path, grouping, leaks, tell, receiver):
    receiver.will(*[receiver.answer(500)] * 7)
    tell(grouping, leaks[0], "leak.firing", now=NOW)
    for step in range(7):
        grouping.deliver_due(NOW + 100 + step * 50_000)
    (dead,) = grouping.recent()
    tell(grouping, leaks[0], "leak.resolved", now=NOW + 1e6)

    def replay_meanwhile(handler):
        grouping.replay(dead.id, NOW + 1e6)
        receiver.answer(204)(handler)

    receiver.will(replay_meanwhile)
    grouping.deliver_due(NOW + 1e6 + 60)
    grouping.deliver_due(NOW + 2e6)
    assert told(receiver)[7:] == [("resolved", "a")]
    assert grouping.recent()[1].status == "dead"
    assert "out of date" in grouping.recent()[1].error
