"""Where people look after alerts: targets and how they fare, the log, a test, a replay."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from heaptide_server.alerts import endpoints, history
from heaptide_server.alerts.delivery import Courier
from heaptide_server.alerts.history import Entry
from heaptide_server.alerts.outbox import Status
from heaptide_server.alerts.sending import Answer
from heaptide_server.alerts.targets import Target
from heaptide_server.store.connections import connect


class UnknownTargetError(LookupError):
    """No target of this name is configured."""


class TrialUnderWayError(Exception):
    """This target is being tested already."""


@dataclass(frozen=True)
class Trial:
    """A test of a target: an answer to the firing notice and, if that arrived, one to the resolved."""

    at: float
    answers: Sequence[Answer]

    @property
    def passed(self) -> bool:
        """Whether both arrived."""
        return len(self.answers) == 2 and self.answers[-1].delivered


@dataclass(frozen=True)
class TargetStatus:
    """A target and how it fares. Times are seconds since the epoch.

    Attributes:
        disabled_at: since when it is disabled, because it answered 410 Gone.
        paused_until: until when it asked to be left alone, if that is still ahead.
        pending, delivered, dead, held: how many deliveries it has. Dead ones were given up, held ones wait until it is
            enabled; neither counts once something newer of its leaks has arrived.
        trial: the last test since the collector's start.
    """

    target: Target
    disabled_at: float | None
    paused_until: float | None
    pending: int
    delivered: int
    dead: int
    held: int
    trial: Trial | None


class Desk:
    """Safe to call from any thread; each call has its own connection.

    Args:
        path: the collector's SQLite file.
        courier: who sends.
        clock: seconds since the epoch.
    """

    def __init__(self, path: Path, courier: Courier, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._courier = courier
        self._clock = clock
        self._trials: dict[str, Trial] = {}
        self._testing = {name: Lock() for name in courier.targets}

    def targets(self) -> list[TargetStatus]:
        """All targets, in the order in which they are configured."""
        now = self._clock()
        with connect(self._path) as db:
            counts = history.counts(db)
            states = {name: endpoints.state(db, target.endpoint) for name, target in self._courier.targets.items()}
        return [self._status(target, states[name], counts, now) for name, target in self._courier.targets.items()]

    def _status(
        self,
        target: Target,
        state: tuple[float | None, float | None],
        counts: dict[tuple[str, str], int],
        now: float,
    ) -> TargetStatus:
        disabled_at, paused_until = state
        pending, delivered, dead, held = (
            counts.get((target.name, status), 0) for status in ("pending", "delivered", "dead", "disabled")
        )
        return TargetStatus(
            target=target,
            disabled_at=disabled_at,
            paused_until=paused_until if paused_until is not None and paused_until > now else None,
            pending=pending,
            delivered=delivered,
            dead=dead,
            held=held,
            trial=self._trials.get(target.name),
        )

    def test(self, name: str) -> Trial:
        """Sends a firing and a resolved notice of an invented leak to a target, and waits for its answers.

        Raises:
            UnknownTargetError: there is no such target.
            TrialUnderWayError: it is being tested already.
        """
        target = self._courier.targets.get(name)
        if target is None:
            raise UnknownTargetError(f"no webhook named {name[:80]!r} is configured")
        if not self._testing[name].acquire(blocking=False):
            raise TrialUnderWayError(f"{name} is being tested; wait for its answer")
        try:
            now = self._clock()
            self._trials[name] = trial = Trial(now, self._courier.test(target, now))
            return trial
        finally:
            self._testing[name].release()

    def log(
        self, limit: int, before: int | None = None, status: Status | None = None, target: str | None = None
    ) -> list[Entry]:
        """The newest deliveries, newest first.

        Args:
            before: only those with a smaller id.
        """
        with connect(self._path) as db:
            return history.log(db, limit, before, status, target)

    def replay(self, delivery_id: int) -> Entry:
        """Makes a dead or disabled delivery pending again and enables its target.

        Raises:
            history.UnknownDeliveryError: there is no such delivery.
            history.ReplayRefusedError: with a sentence, where it can't be replayed.
        """
        self._courier.replay(delivery_id, self._clock())
        with connect(self._path) as db:
            return history.entry(db, delivery_id)

    def expire(self, before: float) -> int:
        """Drops deliveries made before a time, but none that is still to be sent; returns how many."""
        with connect(self._path) as db:
            return history.expire(db, before)
