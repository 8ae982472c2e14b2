"""The thread's turns: what is taken when, what is answered, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from heaptide import wire
from heaptide.budget import LookBudget
from heaptide.delivery import Delivery
from heaptide.gate import Gate
from heaptide.inbox import Inbox
from heaptide.loop import Loop
from heaptide.reporter import Reporter, Sources
from heaptide.ring import Ring
from heaptide.transport import Answer

WORKER = {"key": "k", "service": "shop", "environment": "test", "release": None}


class Running:
    """A loop in a thread, on fakes."""

    def __init__(self, tracer, census, vitals, transport, interval_s: float = 0.02) -> None:
        self.inbox, self.gate, self.ring, self.supervising = Inbox(), Gate(), Ring(), False
        sources = Sources(tracer, census, vitals, lambda file: (file, True))
        self.reporter = Reporter(sources, interval_s=interval_s, started_at=time.time() - 5, gate=self.gate)
        self.loop = Loop(
            inbox=self.inbox,
            reporter=self.reporter,
            ring=self.ring,
            delivery=Delivery(transport, self.ring, WORKER, self.reporter.resync),
            tracer=tracer,
            gate=self.gate,
            interval_s=interval_s,
            supervises=lambda: self.supervising,
        )
        self.thread = threading.Thread(target=self.loop.run, daemon=True)
        self.thread.start()

    def stop(self, process_ends: bool = False) -> None:
        self.inbox.process_ends = process_ends
        self.inbox.stop_by = time.monotonic() + 2
        self.inbox.wake.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture
def running(tracer, census, vitals, transport):
    started: list[Running] = []

    def start(**more: float) -> Running:
        started.append(Running(tracer, census, vitals, transport, **more))
        return started[0]

    yield start
    for one in started:
        one.stop()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def bodies(transport) -> list[dict]:
    return [body for path, body in list(transport.posted) if path == "/api/v1/reports"]


def test_reports_form_a_chain_and_the_last_one_is_final(running, transport) -> None:
    loop = running()
    loop.inbox.requests += 3
    wait_until(lambda: len(bodies(transport)) >= 3)
    loop.inbox.requests += 4
    loop.stop()
    sent = bodies(transport)
    assert [body["base"] for body in sent] == [0, *(body["sequence"] for body in sent[:-1])]
    assert [body["final"] for body in sent] == [False] * (len(sent) - 1) + [True]
    assert sum(body["requests"] for body in sent) == 7
    assert sent[0]["elapsed_s"] >= 5
    assert set(sent[0]["vitals"]) == set(wire.VITALS)
    assert set(sent[0]["agent"]) == set(wire.COSTS)


def test_an_ending_process_is_not_made_to_wait_for_tracing_to_be_taken_down(running, tracer) -> None:
    loop = running()
    loop.stop(process_ends=True)
    assert "stop" not in tracer.calls


def test_a_stop_ends_tracing(running, tracer) -> None:
    running().stop()
    assert tracer.calls == ["stop"]


def test_a_long_outage_merges_what_waits_into_the_last_report(running, transport) -> None:
    transport.answers = [None] * 3
    loop = running(interval_s=0.5)
    wait_until(lambda: len(transport.posted) >= 1)
    transport.answers = []
    loop.inbox.requests += 2
    loop.stop()
    assert bodies(transport)[-1]["final"]
    assert bodies(transport)[-1]["requests"] + bodies(transport)[-2]["requests"] == 2


def test_a_look_that_was_asked_for_comes_at_once(running, transport) -> None:
    loop = running(interval_s=3600)
    wait_until(lambda: len(bodies(transport)) == 1)
    loop.inbox.look = True
    loop.inbox.wake.set()
    wait_until(lambda: len(bodies(transport)) == 2)
    assert not bodies(transport)[1]["tracer"]["skipped"]


def test_an_event_is_posted_at_once(running, transport) -> None:
    loop = running(interval_s=3600)
    loop.inbox.events.append({"kind": "deploy", "text": "1.2", "at": 1.0})
    loop.inbox.wake.set()
    wait_until(lambda: "/api/v1/events" in [path for path, _ in list(transport.posted)])
    assert not loop.inbox.events


@pytest.mark.parametrize(
    ("request_", "status", "rates"),
    [
        ({"id": "1", "kind": "trace", "sample_bytes": 0}, "done", [0]),
        ({"id": "1", "kind": "trace", "sample_bytes": None}, "done", [None]),
        ({"id": "1", "kind": "trace", "sample_bytes": 4096}, "done", [4096]),
        ({"id": "1", "kind": "trace", "sample_bytes": "much"}, "refused", []),
        ({"id": "1", "kind": "diagnose", "sites": [0]}, "done", []),
        ({"id": "1", "kind": "diagnose", "sites": "all"}, "refused", []),
        ({"id": "1", "kind": "dance"}, "refused", []),
    ],
)
def test_a_request_is_answered_in_the_next_report(running, tracer, transport, request_, status, rates) -> None:
    transport.answers = [Answer(200, {"acknowledged": 1, "requests": [request_]})]
    running()
    wait_until(lambda: len(bodies(transport)) >= 3)
    assert [body["answers"] and body["answers"][0]["status"] for body in bodies(transport)[:3]] == [[], status, []]
    assert tracer.rates == rates


def test_a_request_that_comes_twice_before_its_answer_is_sent_is_answered_once(running, tracer, transport) -> None:
    asked = {"id": "7", "kind": "trace", "sample_bytes": 4096}
    transport.answers = [Answer(200, {"acknowledged": 1, "requests": [asked, asked]})]
    running()
    wait_until(lambda: len(bodies(transport)) >= 2)
    assert [answer["id"] for answer in bodies(transport)[1]["answers"]] == ["7"]
    assert tracer.rates == [4096]


def test_a_process_that_turns_out_to_look_after_others_says_nothing_more(running, transport) -> None:
    loop = running(interval_s=0.05)
    loop.supervising = True
    loop.thread.join(5)
    assert not loop.thread.is_alive()
    assert not any(body["final"] for body in bodies(transport))


def test_what_fails_is_left_out_counted_and_after_fifty_bad_turns_the_agent_stops(
    running, census, transport, swallowed, caplog
) -> None:
    census.fails_with = RuntimeError("no objects today")
    loop = running(interval_s=0.005)
    loop.thread.join(20)
    assert not loop.thread.is_alive()
    assert len(swallowed) == 50
    assert bodies(transport)[-1]["agent"]["errors"] == 50
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    swallowed.clear()


def test_a_first_look_after_the_first_report_is_a_level_and_not_growth(running, tracer, transport) -> None:
    tracer.skips = True
    running()
    wait_until(lambda: len(bodies(transport)) >= 2)
    tracer.skips = False
    wait_until(lambda: any(body["sites"]["define"] for body in bodies(transport)))
    first = next(body for body in bodies(transport) if body["sites"]["define"])
    assert first["base"] == 0
    assert first["types"]["define"] == ["dict"]


def test_requests_of_a_refused_report_are_counted_in_the_next_one(running, transport) -> None:
    transport.answers = [Answer(409, {"acknowledged": 99})]
    loop = running(interval_s=3600)
    loop.inbox.requests += 5
    wait_until(lambda: len(bodies(transport)) == 1)
    loop.stop()
    assert bodies(transport)[-1]["requests"] == 5
    assert bodies(transport)[-1]["base"] == 0
    assert bodies(transport)[-1]["sites"]["define"]


def test_looks_that_take_too_much_cpu_time_become_half_as_frequent_and_never_more() -> None:
    budget = LookBudget(interval_s=10.0, share=0.02)
    looks, now = [], 0.0
    for turn in range(40):
        if budget.due(now):
            looks.append(turn)
            budget.spent(now, 0.3 if turn < 10 else 0.0)
        now += 10.0
    assert looks[:5] == [0, 1, 2, 3, 5]
    assert {later - earlier for earlier, later in pairwise(looks[4:])} == {2}


def test_one_dear_look_in_three_does_not_make_looks_rarer() -> None:
    budget = LookBudget(interval_s=10.0, share=0.02)
    looks, now = [], 0.0
    for turn in range(40):
        if budget.due(now):
            looks.append(turn)
            budget.spent(now, 2.0 if turn % 3 == 0 else 0.1)
        now += 10.0
    assert looks == list(range(40))
