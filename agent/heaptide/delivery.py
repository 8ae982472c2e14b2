"""Gets what waits in the ring to the collector: what each answer means, when to try again, and what is logged of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from heaptide import wire
from heaptide.gate import LOG, MOST_LINES
from heaptide.report import Report
from heaptide.ring import Ring
from heaptide.transport import Answer, Transport, Unreachable

TIMEOUT_S = 10.0
FIRST_WAIT_S = 1.0
MOST_WAIT_S = 300.0
MOST_REQUESTS = 32  # of the collector's requests that one reply may carry
_REFUSED = (400, 413, 422)
_FORBIDDEN = (401, 403)
_UNKNOWN_FIELD = 422


@dataclass
class Backoff:
    """Exponential waits with full jitter, so that a fleet doesn't come back all at once (AWS, "Exponential Backoff
    And Jitter", 2015)."""

    failures: int = 0
    not_before: float = 0.0

    def failed(self, now: float, retry_after_s: float | None, least_s: float = 0.0) -> None:
        """Notes a failure; the next try waits, at least as long as the collector asked for."""
        longest = min(FIRST_WAIT_S * 2**self.failures, MOST_WAIT_S)
        self.failures = min(self.failures + 1, 20)
        wait_s = max(random.uniform(0, longest), least_s)  # noqa: S311 - spreads load, guards nothing
        self.not_before = now + max(wait_s, retry_after_s or 0.0)

    def succeeded(self) -> None:
        """Notes a success: no wait."""
        self.failures = 0
        self.not_before = 0.0


class Delivery:
    """Sends reports in their order, one at a time. Used by the agent's thread alone.

    Attributes:
        acknowledged: the last sequence number that the collector acknowledged; 0 before the first.
        requests: what the collector asked for and nobody answered yet.

    Args:
        transport: the way to the collector.
        ring: the reports that wait.
        worker: who sends, see `heaptide.identity.worker`.
        resync: called when the chain is broken, after the ring was emptied, with the requests that were counted in
            what was given up: the next report must say everything anew.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        transport: Transport,
        ring: Ring,
        worker: Mapping[str, Any],
        resync: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._ring = ring
        self._worker = worker
        self._resync = resync
        self._clock = clock
        self._backoff = Backoff()
        self._outage = False
        self._told: set[str] = set()
        self._takes_facts = True
        self.acknowledged = 0
        self.requests: list[dict[str, Any]] = []

    @property
    def not_before(self) -> float:
        """When the next attempt may be made, by the clock."""
        return self._backoff.not_before

    def send_all(self, deadline: float | None = None) -> None:
        """Sends what waits until the ring is empty, an attempt fails, or the deadline has passed.

        Args:
            deadline: by the clock. With one, waits from earlier failures don't count: it is the last chance.
        """
        while (deadline or self._clock() >= self.not_before) and (report := self._ring.attempt()):
            left_s = TIMEOUT_S if deadline is None else deadline - self._clock()
            if left_s <= 0 or not self._send(report, left_s):
                return

    def send_event(self, event: Mapping[str, Any]) -> bool:
        """Posts an event; whether it is done with, taken or refused."""
        about = {name: self._worker[name] for name in ("service", "environment", "release")}
        answer = self._post("/api/v1/events", about | dict(event), "application/json", TIMEOUT_S)
        if answer is None or answer.status in _FORBIDDEN or answer.status >= 429:
            self._failed(f"an event wasn't taken: {answer.message}" if answer else None, answer)
            return False
        if answer.status >= 300:
            self._tell(f"the collector refused an event: {answer.message}")
        return True

    def _send(self, report: Report, timeout_s: float) -> bool:
        body = report.body(self._worker, sent_at=time.time(), dropped_reports=self._ring.dropped)
        if not self._takes_facts:
            body.pop("facts", None)
        answer = self._post("/api/v1/reports", body, wire.CONTENT_TYPE, timeout_s)
        if answer and answer.status == _UNKNOWN_FIELD and answer.field == "facts" and "facts" in body:
            self._takes_facts = False  # an older collector: the report is sent again without them, at once
            return True
        return answer is not None and self._settle(answer)

    def _post(self, path: str, body: Mapping[str, Any], content_type: str, timeout_s: float) -> Answer | None:
        try:
            return self._transport.post(path, body, content_type=content_type, timeout_s=timeout_s)
        except Unreachable as error:
            self._failed(str(error), None)
            return None

    def _settle(self, answer: Answer) -> bool:
        """What an answer means for the ring; whether to go on with the next report."""
        acknowledged = answer.body.get("acknowledged")
        if answer.status in (200, 201, 202, 409) and isinstance(acknowledged, int):
            return self._settled(answer, acknowledged)
        if answer.status in _REFUSED:
            self._tell(f"the collector refused a report and it is dropped: {answer.message}")
            self._start_anew()
            self._backoff.failed(self._clock(), answer.retry_after_s)
        elif answer.status in _FORBIDDEN:
            self._forbidden(answer)
        elif answer.status < 300:
            self._failed("what answers there is not a collector: check HEAPTIDE_COLLECTOR", answer)
        else:
            self._failed(answer.message, answer)
        return False

    def _settled(self, answer: Answer, acknowledged: int) -> bool:
        self._recovered()
        self.acknowledged = acknowledged
        asked = answer.body.get("requests")
        if isinstance(asked, list):
            self.requests += [request for request in asked if isinstance(request, dict)][:MOST_REQUESTS]
            del self.requests[MOST_REQUESTS:]
        if self._ring.settle(acknowledged):
            return True
        self._start_anew()
        return False

    def _start_anew(self) -> None:
        self._resync(self._ring.give_up())

    def _forbidden(self, answer: Answer) -> None:
        self._tell(
            f"the collector refuses the token (HTTP status {answer.status}): set HEAPTIDE_TOKEN or HEAPTIDE_TOKEN_FILE "
            "to an ingest token of this collector; trying again every few minutes"
        )
        self._backoff.failed(self._clock(), answer.retry_after_s, least_s=MOST_WAIT_S / 5)
        self._transport.reload_token()

    def _failed(self, reason: str | None, answer: Answer | None) -> None:
        self._backoff.failed(self._clock(), answer.retry_after_s if answer else None)
        if not self._outage and reason:
            LOG.warning("heaptide: no report gets to the collector, reports are kept and merged: %s", reason)
            self._outage = True

    def _recovered(self) -> None:
        self._backoff.succeeded()
        if self._outage:
            LOG.info("heaptide: the collector takes reports again")
            self._outage = False

    def _tell(self, line: str) -> None:
        if line not in self._told and len(self._told) < MOST_LINES:
            self._told.add(line)
            LOG.warning("heaptide: %s", line)
