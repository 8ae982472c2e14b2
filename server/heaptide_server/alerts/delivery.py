"""The courier: takes notices into the outbox and brings them to their targets, again and again until they arrive."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import httpx2
from sqlite_utils import Database

from heaptide_server.alerts import endpoints, history, outbox, schedule
from heaptide_server.alerts.addresses import Resolver, resolve
from heaptide_server.alerts.channels import with_routing_key
from heaptide_server.alerts.line import STANDARD, Limits, Line
from heaptide_server.alerts.outages import Outages
from heaptide_server.alerts.outbox import Delivery, Letter
from heaptide_server.alerts.payloads import MOST_LEAKS, render
from heaptide_server.alerts.sample import sample_pair
from heaptide_server.alerts.sending import GONE, Answer, post
from heaptide_server.alerts.sentences import Notice
from heaptide_server.alerts.sheet import Pages, Sheet, sheet_of
from heaptide_server.alerts.signing import sign
from heaptide_server.alerts.targets import Target
from heaptide_server.model import Leak
from heaptide_server.store.connections import connect, transaction


class Courier:
    """Brings alerts to webhooks. Safe to call from any thread; each call has its own connection.

    Args:
        path: the collector's SQLite file, which `tables.migrate` has brought up to date.
        targets: where alerts go; names are unique.
        base_url: the collector's own address as people open it.
        leak_json: a leak as the HTTP API tells it.
        group_s: how long an alert waits for others of its service, to travel with them, seconds; 0 sends each alone.
        clock: monotonic seconds.
        random: draws from [0, 1), for jitter.
        resolver: a host's addresses.
        ssl_context: None verifies against the system's certificates, or SSL_CERT_FILE and SSL_CERT_DIR.
    """

    def __init__(
        self,
        path: Path,
        targets: Sequence[Target],
        base_url: str,
        leak_json: Callable[[Leak], dict[str, Any]],
        *,
        group_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = schedule.fair_draw,
        resolver: Resolver = resolve,
        limits: Limits = STANDARD,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.targets = {target.name: target for target in targets}
        self._path = path
        self._pages = Pages(base_url.rstrip("/"), leak_json)
        self._group_s = group_s
        self._clock = clock
        self._random = random
        self._resolver = resolver
        self._limits = limits
        self._ssl_context = ssl_context
        self._busy = Lock()
        self._lines: set[Line] = set()
        self._stopped = False
        self._outages = Outages()

    def enqueue(self, db: Database, notices: Iterable[Notice], now: float) -> None:
        """Puts notices into the outbox for the targets that want them, within the caller's open transaction.

        Args:
            db: the connection whose transaction saves the notices' leaks.
            now: when it happened, seconds since the epoch.

        Raises:
            RuntimeError: no transaction is open.
        """
        self.tell(db, [sheet_of(notice, now, self._pages) for notice in notices], now)

    def tell(self, db: Database, sheets: Iterable[Sheet], now: float) -> None:
        """Puts sheets into the outbox, like `enqueue`: also of what is no leak."""
        outbox.put(db, self._letters(sheets), now)

    def _letters(self, sheets: Iterable[Sheet]) -> Iterator[Letter]:
        for sheet in sheets:
            for target in self.targets.values():
                if target.wants(sheet):
                    yield Letter(target.name, target.endpoint, sheet, self._group_s, MOST_LEAKS[target.format])

    def deliver_due(self, now: float) -> int:
        """Tries everything that is due, oldest first; returns how many deliveries arrived.

        A target that doesn't answer at all is tried once a call, so that it can't hold up the others for long. Does
        nothing while another thread is at it.

        Args:
            now: seconds since the epoch.
        """
        if not self._busy.acquire(blocking=False):
            return 0
        try:
            with connect(self._path) as db:
                outbox.bury_unknown(db, list(self.targets))
                return self._drain(db, now)
        finally:
            self._busy.release()

    def _drain(self, db: Database, now: float) -> int:
        started = self._clock()
        silent: set[str] = set()
        arrived = 0
        while not self._stopped and (delivery := self._next(db, now, silent)) is not None:
            target = self.targets[delivery.target]
            delivery = outbox.closed(db, delivery.id, partial(self._render, target))
            answer = self._send(target, delivery.webhook_id, delivery.body, now + self._clock() - started)
            if answer.status is None:
                silent.add(target.name)
            if not self._stopped or answer.delivered:
                self._record(db, delivery, target, answer, now + self._clock() - started)
            arrived += answer.delivered
        return arrived

    def _next(self, db: Database, now: float, silent: set[str]) -> Delivery | None:
        names = [
            name
            for name, target in self.targets.items()
            if name not in silent and endpoints.is_open(db, target.endpoint, now)
        ]
        return next(iter(outbox.due(db, now, names, limit=1)), None)

    def _render(self, target: Target, sheets: Sequence[Sheet]) -> str:
        return render(target.format, sheets, target.name, self._pages.base_url)

    def _send(self, target: Target, webhook_id: str, body: str, at: float) -> Answer:
        url = httpx2.URL(target.url)
        sealed = body if target.routing_key is None else with_routing_key(body, target.routing_key)
        line = Line(target.policy, url.scheme, resolver=self._resolver, limits=self._limits, clock=self._clock)
        self._lines.add(line)
        try:
            headers = sign(webhook_id, at, sealed, target.secrets)
            return post(url, headers, sealed, line, ssl_context=self._ssl_context, clock=self._clock)
        finally:
            self._lines.discard(line)

    def _record(self, db: Database, delivery: Delivery, target: Target, answer: Answer, at: float) -> None:
        asked_s = schedule.retry_after_s(answer.status, answer.retry_after, at)
        delay_s = None
        if not answer.delivered:
            delay_s = schedule.next_delay_s(delivery.attempts + 1, asked_s, self._random)
        pause_s = schedule.pause_s(answer.status, delay_s, asked_s)
        with transaction(db):
            outbox.record(db, delivery.id, answer, at, None if delay_s is None else at + delay_s)
            if pause_s:
                endpoints.pause(db, target.endpoint, at + pause_s)
            if answer.status == GONE:
                endpoints.disable(db, target.endpoint, at)
                outbox.shelve(db, target.name)
        self._outages.note(delivery, target, answer, delay_s)

    def test(self, target: Target, now: float) -> list[Answer]:
        """Sends a firing and, if that arrived, a resolved notice of an invented leak, past the outbox.

        Args:
            now: seconds since the epoch.

        Returns:
            One answer for each that was sent: status, latency, first 2 kB. If both arrived, a disabled target is
            enabled again.
        """
        answers: list[Answer] = []
        for notice in sample_pair(now):
            body = self._render(target, [sheet_of(notice, now, self._pages)])
            answers.append(self._send(target, outbox.new_webhook_id(), body, now))
            if not answers[-1].delivered:
                return answers
        with connect(self._path) as db:
            endpoints.enable(db, target.endpoint)
        return answers

    def recent(self, limit: int = 50) -> list[Delivery]:
        """The newest deliveries, newest first."""
        with connect(self._path) as db:
            return history.recent(db, limit)

    def replay(self, delivery_id: int, now: float) -> Delivery:
        """Makes a dead or disabled delivery pending again and enables its target.

        Raises:
            history.UnknownDeliveryError: there is no such delivery.
            history.ReplayRefusedError: with a sentence, where it can't be replayed.
        """
        with connect(self._path) as db:
            target = self.targets.get(history.entry(db, delivery_id).delivery.target)
            if target is None:
                raise history.ReplayRefusedError(f"delivery {delivery_id} is for a webhook that isn't configured")
            delivery = history.replay(db, delivery_id, now)
            endpoints.enable(db, target.endpoint)
            return delivery

    def stop(self) -> None:
        """Begins no more sending and breaks off what is under way, so that the process can end at once.

        What is broken off stays due, with its webhook-id.
        """
        self._stopped = True
        for line in tuple(self._lines):
            line.cut()
