"""The outbox: what is to be told to whom, written in the transaction that changes the leak, sent later.

A delivery is a notice for one target. Its webhook-id stays the same for all attempts, so a receiver that keeps the
ids it has seen gets each exactly once, whatever was killed when. Per target and leak, deliveries go in order: a
resolved waits until its firing was delivered or given up. It is sent even after a firing that was given up, because a
receiver that took the firing and failed to answer would otherwise show it for ever; one that never saw it ignores it.

status is pending, delivered, dead (given up; replayable) or disabled (the target said 410 Gone; replayable).
"""

from __future__ import annotations

import json
import secrets as randomness
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from sqlite_utils import Database, Migrations

from heaptide_server.alerts import endpoints
from heaptide_server.alerts.sending import Answer
from heaptide_server.store.connections import transaction

Status = Literal["pending", "delivered", "dead", "disabled"]

ERROR_CHARACTERS = 500

migrations = Migrations("heaptide.alerts")


@migrations()
def create_tables(db: Database) -> None:
    """Deliveries, the state of endpoints, and the secrets that were made here."""
    # Statements one by one: executescript would end the migration's transaction.
    for statement in (
        """CREATE TABLE alert_deliveries (
            id INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, leak_id TEXT NOT NULL,
            type TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, created REAL NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0, next_attempt REAL NOT NULL, delivered_at REAL, status_code INTEGER,
            error TEXT, latency_s REAL, answer TEXT)""",
        "CREATE INDEX alert_deliveries_due ON alert_deliveries (next_attempt) WHERE status = 'pending'",
        "CREATE INDEX alert_deliveries_order ON alert_deliveries (target, leak_id, id)",
        "CREATE TABLE alert_endpoints (endpoint TEXT PRIMARY KEY, disabled_at REAL, paused_until REAL)",
        "CREATE TABLE alert_secrets (target TEXT PRIMARY KEY, secret TEXT NOT NULL)",
    ):
        db.execute(statement)


def migrate(db: Database) -> None:
    """Brings this room's tables to this version. Idempotent; needs a connection with no transaction open."""
    migrations.apply(db)


@dataclass(frozen=True)
class Delivery:
    """A row of the outbox. Times are seconds since the epoch; what isn't known yet is None.

    Attributes:
        id: ascending in the order in which things happened.
        webhook_id: the receiver's idempotency key.
        type: leak.firing, leak.resolved or leak.test.
        attempts: how many were made.
        status_code, error, latency_s, answer: of the last attempt; `answer` is its first 2 kB.
    """

    id: int
    webhook_id: str
    target: str
    leak_id: str
    type: str
    body: str
    status: Status
    created: float
    attempts: int
    next_attempt: float
    delivered_at: float | None
    status_code: int | None
    error: str | None
    latency_s: float | None
    answer: str | None


@dataclass(frozen=True)
class Letter:
    """What is to be put into the outbox: a body for one target."""

    target: str
    endpoint: str
    leak_id: str
    type: str
    body: str


class ReplayRefusedError(Exception):
    """A delivery that can't be replayed. The text says why."""


COLUMNS = ", ".join(field.name for field in fields(Delivery))


def new_webhook_id() -> str:
    """A fresh webhook-id, free of the full stops that separate the signed parts."""
    return f"msg_{randomness.token_hex(16)}"


def put(db: Database, letters: Iterable[Letter], now: float) -> None:
    """Adds deliveries within the caller's open transaction, which it neither begins nor ends.

    Raises:
        RuntimeError: no transaction is open, so the leak and its alert could part.
    """
    for letter in letters:
        if not db.conn.in_transaction:
            raise RuntimeError("alerts must be enqueued inside the transaction that saves their leaks: begin one")
        status = "disabled" if endpoints.is_disabled(db, letter.endpoint) else "pending"
        values = (new_webhook_id(), letter.target, letter.leak_id, letter.type, letter.body, status, now, now)
        db.execute(
            "INSERT INTO alert_deliveries (webhook_id, target, leak_id, type, body, status, created, next_attempt) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )


def due(db: Database, now: float, targets: Sequence[str], limit: int = 100) -> list[Delivery]:
    """Deliveries to these targets that are to be tried now, oldest first, at most the first of each target and leak."""
    return _deliveries(
        db,
        "WHERE status = 'pending' AND next_attempt <= ? AND target IN (SELECT value FROM json_each(?)) AND NOT EXISTS ("
        "SELECT 1 FROM alert_deliveries AS earlier WHERE earlier.target = alert_deliveries.target "
        "AND earlier.leak_id = alert_deliveries.leak_id AND earlier.id < alert_deliveries.id "
        "AND earlier.status = 'pending') ORDER BY id LIMIT ?",
        [now, json.dumps(list(targets)), limit],
    )


def recent(db: Database, limit: int) -> list[Delivery]:
    """The newest deliveries, newest first."""
    return _deliveries(db, "ORDER BY id DESC LIMIT ?", [limit])


def _deliveries(db: Database, where: str, parameters: Sequence[object]) -> list[Delivery]:
    rows = db.execute(f"SELECT {COLUMNS} FROM alert_deliveries {where}", parameters)  # noqa: S608 no user's text
    return [Delivery(*row) for row in rows]


def record(db: Database, delivery_id: int, answer: Answer, at: float, next_attempt: float | None) -> Status:
    """Writes down an attempt: delivered, to be tried again, or dead where there is no next attempt."""
    status: Status = "delivered" if answer.delivered else "pending" if next_attempt is not None else "dead"
    db.execute(
        "UPDATE alert_deliveries SET status = ?, attempts = attempts + 1, next_attempt = coalesce(?, next_attempt), "
        "delivered_at = ?, status_code = ?, error = ?, latency_s = ?, answer = ? WHERE id = ?",
        (
            status,
            next_attempt,
            at if answer.delivered else None,
            answer.status,
            answer.error and answer.error[:ERROR_CHARACTERS],
            answer.latency_s,
            answer.body,
            delivery_id,
        ),
    )
    return status


def shelve(db: Database, target: str) -> None:
    """Makes disabled what waits for a target."""
    db.execute("UPDATE alert_deliveries SET status = 'disabled' WHERE target = ? AND status = 'pending'", [target])


def bury_unknown(db: Database, targets: Sequence[str]) -> int:
    """Gives up what waits for targets that aren't configured any more; returns how many there were."""
    return db.execute(
        "UPDATE alert_deliveries SET status = 'dead', error = 'no webhook named ' || target || ' is configured' "
        "WHERE status = 'pending' AND target NOT IN (SELECT value FROM json_each(?))",
        [json.dumps(list(targets))],
    ).rowcount


def replay(db: Database, delivery_id: int, now: float) -> Delivery:
    """Makes a dead or disabled delivery pending again, its webhook-id unchanged and its attempts counted anew.

    Raises:
        ReplayRefusedError: there is no such delivery, it isn't dead or disabled, or its target has since been told
            something newer of the same leak, which an older notice would undo.
    """
    with transaction(db):
        delivery = next(iter(_deliveries(db, "WHERE id = ?", [delivery_id])), None)
        _check_replay(db, delivery_id, delivery)
        db.execute(
            "UPDATE alert_deliveries SET status = 'pending', attempts = 0, next_attempt = ? WHERE id = ?",
            [now, delivery_id],
        )
        return _deliveries(db, "WHERE id = ?", [delivery_id])[0]


def _check_replay(db: Database, delivery_id: int, delivery: Delivery | None) -> None:
    if delivery is None:
        raise ReplayRefusedError(f"there is no delivery {delivery_id}")
    if delivery.status not in ("dead", "disabled"):
        raise ReplayRefusedError(
            f"delivery {delivery_id} is {delivery.status}; only a dead or disabled one is replayed"
        )
    newer = "WHERE target = ? AND leak_id = ? AND id > ? AND status = 'delivered' LIMIT 1"
    if found := _deliveries(db, newer, [delivery.target, delivery.leak_id, delivery_id]):
        raise ReplayRefusedError(
            f"delivery {delivery_id} ({delivery.type}) is out of date: {delivery.target} has since been sent "
            f"{found[0].type} for the same leak; replay a later one"
        )
