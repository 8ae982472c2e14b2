"""The agent's one thread: takes a report each interval, sends what waits, answers the collector, and ends in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from heaptide.delivery import Delivery
from heaptide.gate import LOG, Gate
from heaptide.heap.diagnosis import Diagnosis
from heaptide.inbox import Inbox
from heaptide.reporter import Reporter
from heaptide.ring import Ring
from heaptide.tracer.protocol import Tracer

MOST_BAD_TURNS = 50
_ANSWER_CHARACTERS = 200


class Loop:
    """What the thread does. All times by one monotonic clock.

    Args:
        inbox: what the app's threads ask.
        reporter: takes reports.
        ring: keeps them.
        delivery: sends them.
        tracer: whose rate the collector may change.
        diagnosis: diagnoses sites that the collector suspects.
        gate: swallows what fails; a turn in which it did is a bad one, and after 50 bad ones in a row the loop ends.
        interval_s: seconds between two reports.
        supervises: whether this process turned out to look after others only; it then ends without a word.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        inbox: Inbox,
        reporter: Reporter,
        ring: Ring,
        delivery: Delivery,
        tracer: Tracer,
        gate: Gate,
        interval_s: float,
        supervises: Callable[[], bool],
        diagnosis: Diagnosis | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inbox = inbox
        self._reporter = reporter
        self._ring = ring
        self._delivery = delivery
        self._tracer = tracer
        self._gate = gate
        self._interval_s = interval_s
        self._supervises = supervises
        self._diagnosis = diagnosis or Diagnosis()
        self._clock = clock
        self._next_report = clock()

    def run(self) -> None:
        """Runs until it is asked to stop."""
        bad_turns = 0
        while self._inbox.stop_by is None and bad_turns < MOST_BAD_TURNS:
            self._wait()
            if self._supervises():
                break
            errors = self._gate.errors
            with self._gate("a turn of the agent"):
                self._turn()
            bad_turns = bad_turns + 1 if self._gate.errors > errors else 0
        if bad_turns >= MOST_BAD_TURNS:
            LOG.error("heaptide stops itself in this process: %s turns in a row failed", bad_turns)
        if self._inbox.stop_by is not None:
            with self._gate("the last report"):
                self._finish(self._inbox.stop_by)
        if not self._inbox.process_ends:
            with self._gate("ending tracing"):
                self._reporter.stop()

    def status(self) -> dict[str, Any]:
        """How far the reports have come, and what the agent cost."""
        return {
            "acknowledged": self._delivery.acknowledged,
            "waiting": len(self._ring),
            "dropped_reports": self._ring.dropped,
            "cost": dict(self._reporter.cost),
        }

    def _wait(self) -> None:
        until = self._next_report
        if len(self._ring) or self._inbox.events:
            until = min(until, max(self._delivery.not_before, self._clock()))
        self._inbox.wake.wait(max(0.0, until - self._clock()))
        self._inbox.wake.clear()

    def _turn(self) -> None:
        if self._inbox.stop_by is not None:
            return
        now = self._clock()
        if now >= self._next_report or self._inbox.look:
            self._schedule(now)
            self._take()
        self._delivery.send_all()
        self._send_events()
        self._answer()

    def _schedule(self, now: float) -> None:
        """The next report on the grid of intervals; those that were missed meanwhile are left out."""
        if now >= self._next_report:
            self._next_report += self._interval_s * (1 + (now - self._next_report) // self._interval_s)

    def _take(self, *, final: bool = False) -> None:
        look, self._inbox.look = self._inbox.look, False
        report = self._reporter.take(
            self._inbox.requests, held_bytes=self._ring.size_bytes(), look_now=look, final=final
        )
        self._ring.add(report)

    def _finish(self, deadline: float) -> None:
        self._take(final=True)
        self._ring.merge()
        self._delivery.send_all(deadline)

    def _send_events(self) -> None:
        while self._inbox.events and self._clock() >= self._delivery.not_before and self._inbox.stop_by is None:
            event = self._inbox.events[0]
            if not self._delivery.send_event(event):
                return
            if self._inbox.events and self._inbox.events[0] is event:
                self._inbox.events.popleft()

    def _answer(self) -> None:
        while self._delivery.requests:
            request = self._delivery.requests.pop(0)
            identity = str(request.get("id"))[:_ANSWER_CHARACTERS]
            if all(answer["id"] != identity for answer in self._reporter.answers):  # else it came with two replies
                self._reporter.answers.append(self._answer_to(request, identity))

    def _answer_to(self, request: dict[str, Any], identity: str) -> dict[str, Any]:
        if request.get("kind") == "diagnose":
            return {"id": identity} | self._diagnose(request)
        if request.get("kind") != "trace":
            kind = str(request.get("kind"))[:_ANSWER_CHARACTERS]
            return {"id": identity, "status": "refused", "reason": f"this agent doesn't know the kind {kind!r}"}
        rate = request.get("sample_bytes")
        if rate is not None and (not isinstance(rate, int) or isinstance(rate, bool) or rate < 0):
            return {"id": identity, "status": "refused", "reason": "sample_bytes isn't a whole number, 0 or null"}
        self._tracer.set_rate(rate)
        if not rate:  # a pause may forget blocks; what is found after it is a level, not growth
            self._reporter.resync()
        return {"id": identity, "status": "done"}

    def _diagnose(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._diagnosis.answer(request, self._reporter.stack_key, lambda: self._inbox.stop_by is not None)
