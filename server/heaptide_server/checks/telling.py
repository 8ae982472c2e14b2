"""Tells people of critical findings: what stands is kept in the store's own file, and told in the same transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlencode

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from heaptide_server.alerts.sheet import Sheet
from heaptide_server.checks.checkup import Checked, check_all
from heaptide_server.checks.finding import Finding
from heaptide_server.checks.standing import Standing, advance
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.store.connections import connect, transaction
from heaptide_server.store.protocol import Store

Tell = Callable[[Database, Iterable[Sheet], float], None]

migrations = Migrations("heaptide.checks")

_COLUMNS = "id, service, environment, finding, first_seen, looks, clear_looks, told_at"
_MARKS = ", ".join("?" * len(_COLUMNS.split(", ")))


@migrations()
def first(db: Database) -> None:
    """A critical finding that stands a row."""
    db.execute(
        """CREATE TABLE standing_findings (
        id TEXT PRIMARY KEY, service TEXT NOT NULL, environment TEXT NOT NULL, finding TEXT NOT NULL,
        first_seen REAL NOT NULL, looks INTEGER NOT NULL, clear_looks INTEGER NOT NULL, told INTEGER NOT NULL)"""
    )


@migrations()
def told_at(db: Database) -> None:
    """When people were told last, so that they can be told again."""
    for statement in (
        "ALTER TABLE standing_findings ADD COLUMN told_at REAL",
        "UPDATE standing_findings SET told_at = first_seen WHERE told",
        "ALTER TABLE standing_findings DROP COLUMN told",
    ):
        db.execute(statement)


class Telling:
    """Looks at every service, and tells what is critical. One thread at a time.

    Args:
        path: the store's SQLite file.
        store: what was reported.
        ledger: what leaks.
        tell: puts sheets into the outbox, called inside the transaction that saves what stands.
        base_url: the collector's own address as people open it.
        repeat_s: seconds after which a finding that lasts is told again; 0 for never.
    """

    def __init__(
        self, path: Path, store: Store, ledger: Ledger, tell: Tell, base_url: str, *, repeat_s: float = 0.0
    ) -> None:
        self._path = path
        self._store = store
        self._ledger = ledger
        self._tell = tell
        self._base_url = base_url.rstrip("/")
        self._repeat_s = repeat_s

    def migrate(self) -> None:
        """Brings the table to this version. Idempotent."""
        with closing(connect(self._path).conn) as connection:
            migrations.apply(Database(connection))

    def tick(self, now: float) -> None:
        """One look at each service.

        Args:
            now: seconds since the epoch.
        """
        for checked in check_all(self._store, self._ledger, now):
            self.look(checked, now)

    def look(self, checked: Checked, now: float) -> None:
        """Takes in one service's findings."""
        with closing(connect(self._path).conn) as connection:
            db = Database(connection)
            with transaction(db):
                step = advance(_known(connection, checked), checked, now, self._repeat_s)
                connection.executemany("DELETE FROM standing_findings WHERE id = ?", [[key] for key in step.gone])
                rows = [_row(checked, one) for one in step.standing]
                connection.executemany(f"INSERT OR REPLACE INTO standing_findings ({_COLUMNS}) VALUES ({_MARKS})", rows)  # noqa: S608
                told = [(one, False) for one in step.firing] + [(one, True) for one in step.resolved]
                if told:
                    self._tell(db, [self._sheet(checked, one, over, now) for one, over in told], now)

    def _sheet(self, checked: Checked, one: Standing, over: bool, now: float) -> Sheet:
        about = {"service": checked.service, "environment": checked.environment}
        finding, subject = one.finding, f"{checked.service} ({checked.environment})"
        return Sheet(
            type="check.resolved" if over else "check.firing",
            resolved=over,
            at=now,
            leak_id=one.id,
            **about,
            kind="check",
            place=finding.title,
            label=finding.name,
            summary=f"{subject}: {finding.name} isn't critical any more" if over else f"{subject}: {finding.title}",
            evidence=" ".join(finding.evidence),
            rate="",
            release=None,
            frames=[],
            first_seen=one.first_seen,
            url=f"{self._base_url}/checks?{urlencode(about)}",
            leak={"id": one.id, **about, **asdict(finding)},
        )


def _known(connection: sqlite3.Connection, checked: Checked) -> dict[str, Standing]:
    sql = "SELECT * FROM standing_findings WHERE service = ? AND environment = ?"
    return {row["id"]: _standing(row) for row in connection.execute(sql, [checked.service, checked.environment])}


def _standing(row: sqlite3.Row) -> Standing:
    told = json.loads(row["finding"])
    finding = Finding(**told | {name: tuple(told[name]) for name in ("evidence", "workers")})
    return Standing(row["id"], finding, row["first_seen"], row["looks"], row["clear_looks"], row["told_at"])


def _row(checked: Checked, one: Standing) -> list[object]:
    finding = json.dumps(asdict(one.finding))
    about = [one.id, checked.service, checked.environment, finding]
    return [*about, one.first_seen, one.looks, one.clear_looks, one.told_at]
