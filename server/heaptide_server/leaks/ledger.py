"""The table of leaks, in the store's own file. A leak's change and the notice of it are one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from heaptide_server.leaks import findings, states
from heaptide_server.leaks.states import Event
from heaptide_server.model import Advice, Forecast, Frame, Leak, Site
from heaptide_server.store import diagnoses
from heaptide_server.store.connections import connect, transaction

Enqueue = Callable[[Database, Sequence[Event], float], None]

migrations = Migrations("heaptide.leaks")
# What a worker found is kept apart, by the report that carried it.
_NAMES = tuple(field.name for field in fields(Leak) if field.name != "diagnosis")


@migrations()
def first(db: Database) -> None:
    """A leak a row; its stack and state as JSON."""
    db.execute(
        """CREATE TABLE leaks (
        id TEXT PRIMARY KEY, service TEXT NOT NULL, environment TEXT NOT NULL, kind TEXT NOT NULL,
        status TEXT NOT NULL, site TEXT, type_name TEXT, bytes_per_hour REAL NOT NULL, bytes_per_hour_low REAL NOT NULL,
        bytes_per_hour_high REAL NOT NULL, bytes_per_request REAL, live_bytes INTEGER NOT NULL, survivor_bytes INTEGER,
        workers INTEGER NOT NULL, generations INTEGER NOT NULL, confidence REAL NOT NULL, first_seen REAL NOT NULL,
        last_seen REAL NOT NULL, release TEXT, evidence TEXT NOT NULL, state TEXT NOT NULL)"""
    )
    db.execute("CREATE INDEX leaks_by_service ON leaks (service, environment)")


@migrations()
def outlook(db: Database) -> None:
    """What will become of a leak, and what to do; two of them as JSON."""
    for column in ("bytes_per_request_low REAL", "bytes_per_request_high REAL", "ceiling_bytes REAL", "forecast TEXT",
                   "advice TEXT", "release_note TEXT"):  # fmt: skip
        db.execute(f"ALTER TABLE leaks ADD COLUMN {column}")


@dataclass(frozen=True)
class Changes:
    """What a look changed: leaks to save, ids to drop, and what to tell."""

    leaks: list[Leak]
    gone: list[str]
    notices: list[Event]


class UnknownLeakError(LookupError):
    """There is no leak with this id."""


class Ledger:
    """Keeps leaks. Safe to call from any thread: each call has its own connection.

    Args:
        path: the store's SQLite file.
        enqueue: puts notices into the outbox, called inside the transaction that saves their leaks.
    """

    def __init__(self, path: Path | str, enqueue: Enqueue = lambda _db, _notices, _now: None) -> None:
        self._path = Path(path)
        self._enqueue = enqueue

    def migrate(self) -> None:
        """Brings the table to this version. Idempotent."""
        with closing(connect(self._path).conn) as connection:
            migrations.apply(Database(connection))
            diagnoses.migrations.apply(Database(connection))

    def leaks(self, service: str | None = None, status: str | None = None) -> list[Leak]:
        """Leaks of a service or of all, of a status or of any; those that grow fastest first."""
        sql = "SELECT * FROM leaks WHERE (?1 IS NULL OR service = ?1) AND (?2 IS NULL OR status = ?2) "
        with closing(connect(self._path).conn) as connection:
            rows = connection.execute(sql + "ORDER BY bytes_per_hour DESC, id", [service, status]).fetchall()
            return [_diagnosed(connection, _leak(row)) for row in rows]

    def leak(self, leak_id: str) -> Leak | None:
        """The leak of this id."""
        with closing(connect(self._path).conn) as connection:
            leak = _read(connection, leak_id)
            return _diagnosed(connection, leak) if leak else None

    def answered(self, leak_id: str) -> list[tuple[str, str]]:
        """The answers about a leak, newest first: the leak's status when a worker was asked, and the answer's."""
        with closing(connect(self._path).conn) as connection:
            return [(row["asked_as"], row["status"]) for row in diagnoses.rows(connection, leak_id)]

    def update(self, service: str, environment: str, now: float, step: Callable[[dict[str, Leak]], Changes]) -> None:
        """Changes a service's leaks: reads them, saves what `step` makes of them, enqueues its notices.

        One transaction, so that neither a kill nor what a person does at the same time can come in between.
        """
        with closing(connect(self._path).conn) as connection:
            db = Database(connection)
            with transaction(db):
                sql = "SELECT * FROM leaks WHERE service = ? AND environment = ?"
                known = {row["id"]: _leak(row) for row in connection.execute(sql, [service, environment])}
                changes = step(known)
                for leak_id in changes.gone:
                    connection.execute("DELETE FROM leaks WHERE id = ?", [leak_id])
                    diagnoses.forget(connection, leak_id)
                self._write(db, changes.leaks, changes.notices, now)
                diagnoses.forget_early(connection, now)

    def resolve(self, leak_id: str, now: float) -> Leak:
        """Resolves a leak by hand. In its release it stays resolved; in a new one it may come back.

        Raises:
            UnknownLeakError: there is no such leak.
        """
        return self._change(leak_id, now, states.resolved)

    def mute(self, leak_id: str, now: float, grown_bytes: float | None = None) -> Leak:
        """Mutes a leak, for good or until each worker's growth since is that many bytes.

        Raises:
            UnknownLeakError: there is no such leak.
        """
        return self._change(leak_id, now, lambda leak: (states.muted(leak, grown_bytes), None))

    def reopen(self, leak_id: str, now: float) -> Leak:
        """Opens a resolved or muted leak again.

        Raises:
            UnknownLeakError: there is no such leak.
        """
        return self._change(leak_id, now, states.reopened)

    def repeat(self, now: float, after_s: float) -> int:
        """Tells again of open leaks that were told `after_s` seconds ago; returns how many."""
        with closing(connect(self._path).conn) as connection:
            db = Database(connection)
            with transaction(db):
                leaks = [_leak(row) for row in connection.execute("SELECT * FROM leaks WHERE status = 'open'")]
                due = [leak for leak in leaks if states.due_again(leak, now, after_s)]
                self._write(db, due, [Event("leak.firing", leak) for leak in due], now)
        return len(due)

    def _change(self, leak_id: str, now: float, change: Callable[[Leak], tuple[Leak, Event | None]]) -> Leak:
        with closing(connect(self._path).conn) as connection:
            db = Database(connection)
            with transaction(db):
                leak = _read(connection, leak_id)
                if leak is None:
                    raise UnknownLeakError(f"there is no leak with the id {leak_id!r}")
                changed, event = change(leak)
                self._write(db, [changed], [event] if event else [], now)
                return _diagnosed(connection, changed)

    def _write(self, db: Database, leaks: Iterable[Leak], notices: Sequence[Event], now: float) -> None:
        marks = ", ".join("?" * len(_NAMES))
        fired = {notice.leak.id for notice in notices if notice.kind == "leak.firing"}
        rows = [_row(states.told(leak, now) if leak.id in fired else leak) for leak in leaks]
        db.conn.executemany(f"INSERT OR REPLACE INTO leaks ({', '.join(_NAMES)}) VALUES ({marks})", rows)  # noqa: S608
        if notices:
            told = [replace(notice, leak=_diagnosed(db.conn, notice.leak)) for notice in notices]
            self._enqueue(db, told, now)


def _diagnosed(connection: sqlite3.Connection, leak: Leak) -> Leak:
    rows = diagnoses.rows(connection, leak.id)
    return replace(leak, diagnosis=findings.diagnosis(rows)) if rows else leak


def _read(connection: sqlite3.Connection, leak_id: str) -> Leak | None:
    row = connection.execute("SELECT * FROM leaks WHERE id = ?", [leak_id]).fetchone()
    return _leak(row) if row else None


def _row(leak: Leak) -> list[Any]:
    values = {name: getattr(leak, name) for name in _NAMES}
    values["site"] = json.dumps(asdict(leak.site)) if leak.site else None
    values["state"] = json.dumps(leak.state)
    values["forecast"] = json.dumps(asdict(leak.forecast)) if leak.forecast else None
    values["advice"] = json.dumps(asdict(leak.advice)) if leak.advice else None
    return list(values.values())


def _leak(row: sqlite3.Row) -> Leak:
    values = {name: row[name] for name in _NAMES}
    values["state"] = json.loads(values["state"])
    values["forecast"] = Forecast(**json.loads(values["forecast"])) if values["forecast"] else None
    values["advice"] = Advice(**json.loads(values["advice"])) if values["advice"] else None
    if values["site"]:
        site = json.loads(values["site"])
        values["site"] = Site(site["id"], tuple(Frame(**frame) for frame in site["frames"]))
    return Leak(**values)
