"""The store in one SQLite file: what changes it, handed to the writer's thread; what is asked of it is in `answers`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from heaptide_server.model import (
    Event,
    Receipt,
    Report,
    Request,
    Suspect,
    Worker,
)
from heaptide_server.store import (
    appending,
    fleet,
    requests,
    retention,
    rollups,
)
from heaptide_server.store.answers import Answers
from heaptide_server.store.known import Known
from heaptide_server.store.retention import Retention
from heaptide_server.store.roster import Roster
from heaptide_server.store.writer import Writer

MISSING_INTERVALS = 3
MISSING_AT_LEAST_S = 5.0
CHECKPOINT_EVERY_S = 900.0
# How many services' last month is read at the start: 200 workers' take 0.3 s, and a fifth of what is kept decoded.
WARMED = 4
WARMED_S = 30 * 86400.0


class SqliteStore(Answers):
    """`heaptide_server.store.protocol.Store` in one SQLite file, for one collector process at a time.

    Args:
        path: the file. Nothing is opened before `migrate`, which makes it where it isn't there.
        retention: how long each thing is kept.
        opened_at: no heartbeat counts as missing for time before this, when nobody listened.
    """

    def __init__(self, path: Path | str, retention: Retention | None = None, opened_at: float = 0.0) -> None:
        kept = retention or Retention()
        super().__init__(Path(path), kept, Writer(Path(path), kept.raw_s))
        self._opened_at = opened_at
        self._is_warm = False

    def migrate(self) -> None:
        """See `Store.migrate`."""
        self._writer.migrate()

    def append(self, reports: Sequence[Report], now: float) -> list[Receipt]:
        """See `Store.append`."""
        return self._writer.append(reports, now)

    def reap(self, now: float) -> list[Worker]:
        """See `Store.reap`."""
        missing = [known for known in self._live() if self._is_missing(known, now)]
        if missing:
            self._writer.run(lambda roster: self._end_missing(roster, now))
        return list(self.workers_by_id(known.id for known in missing).values())

    def rollup(self, now: float) -> int:
        """See `Store.rollup`."""
        made = self._repeat(lambda roster: rollups.roll_some(roster, now))
        self._repeat(lambda roster: _checkpoint_some(roster, now))
        self._warm(now)
        return made

    def expire(self, now: float) -> int:
        """See `Store.expire`."""
        dropped = self._repeat(lambda roster: retention.fold_some(roster, self._retention, now))
        return dropped + self._repeat(lambda roster: retention.expire_some(roster, self._retention, now))

    def request_trace(self, service: str, sample_bytes: int | None, now: float) -> str:
        """See `Store.request_trace`."""
        body = {"sample_bytes": sample_bytes}
        return str(self._writer.run(lambda roster: requests.ask_service(roster, "trace", service, body, now)).id)

    def request_diagnosis(
        self, worker_id: int, suspects: Mapping[str, Suspect], by_hand: bool, now: float
    ) -> Request | None:
        """See `Store.request_diagnosis`."""
        numbers = [number for suspect in suspects.values() for number in suspect.sites]
        # Agents send source only where they are told that it's understood.
        body = {"sites": numbers, "by_hand": by_hand, "source": True}

        def ask(roster: Roster) -> Request | None:
            known = next((known for known in roster.alive() if known.id == worker_id), None)
            return requests.ask_worker(roster, "diagnose", known, body, suspects, now) if known else None

        return self._writer.run(ask)

    def add_event(self, event: Event) -> None:
        """See `Store.add_event`."""
        self._writer.run(lambda roster: fleet.add_event(roster.connection, event))

    def check(self, now: float) -> None:
        """See `Store.check`."""
        sql = "INSERT OR REPLACE INTO health (id, at) VALUES (1, ?)"
        self._writer.run(lambda roster: roster.connection.execute(sql, [now]).rowcount)

    def close(self) -> None:
        """See `Store.close`."""
        self._writer.close()
        self._readers.close()

    def _warm(self, now: float) -> None:
        """Reads once what the pages of the busiest services will ask for, so that their first reader needn't wait."""
        if not self._is_warm:
            self._is_warm = True
            for one in sorted(self.services(now), key=lambda one: -one.workers)[:WARMED]:
                self.workers(one.service, one.environment, now - WARMED_S)
                self.top_growth(one.service, one.environment, now - WARMED_S, now, 1)

    def _is_missing(self, known: Known, now: float) -> bool:
        patience_s = max(MISSING_INTERVALS * known.identity.interval_s, MISSING_AT_LEAST_S)
        return now - max(known.last_seen, self._opened_at) > patience_s

    def _end_missing(self, roster: Roster, now: float) -> None:
        for known in roster.alive():
            if self._is_missing(known, now):
                appending.end(roster, known, "missing", now)

    def _repeat(self, some: Callable[[Roster], int]) -> int:
        total = 0
        while done := self._writer.run(some):
            total += done
        return total


def _checkpoint_some(roster: Roster, now: float) -> int:
    due = [known for known in roster.alive() if now - known.checkpoint_at >= CHECKPOINT_EVERY_S][: rollups.AT_ONCE]
    for known in due:
        appending.checkpoint(roster, known)
        roster.keep(replace(known, checkpoint_at=now))
    return len(due)
