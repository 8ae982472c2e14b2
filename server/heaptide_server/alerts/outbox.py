"""The outbox: what is to be told to whom, written in the transaction that changes the leak, sent later.

A delivery is one webhook for one target; it tells of one leak, or of several of one service that came within a short
time. It is open until its first attempt; then its body is written down and nothing joins it any more. Its webhook-id
stays the same for all attempts, so a receiver that keeps the ids it has seen gets each exactly once, whatever was
killed when. Per target and leak, deliveries go in order: a resolved waits until its firing was delivered or given up.
It is sent even after a firing that was given up, because a receiver that took the firing and failed to answer would
otherwise show it for ever; one that never saw it ignores it.

status is pending, delivered, dead (given up; replayable) or disabled (the target said 410 Gone; replayable).
"""

from __future__ import annotations

import json
import secrets as randomness
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from sqlite_utils import Database

from heaptide_server.alerts import endpoints
from heaptide_server.alerts.sending import Answer
from heaptide_server.alerts.sheet import Sheet, read_sheet
from heaptide_server.store.connections import transaction

Status = Literal["pending", "delivered", "dead", "disabled"]

ERROR_CHARACTERS = 500


@dataclass(frozen=True)
class Delivery:
    """A row of the outbox. Times are seconds since the epoch; what isn't known yet is None.

    Attributes:
        id: ascending in the order in which things happened.
        webhook_id: the receiver's idempotency key.
        type: leak.firing, leak.resolved, leak.test, check.firing or check.resolved.
        body: empty while it is open.
        attempts: how many were made.
        status_code, error, latency_s, answer: of the last attempt; `answer` is its first 2 kB.
    """

    id: int
    webhook_id: str
    target: str
    service: str
    environment: str
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
    """What is to be put into the outbox: a sheet for one target.

    Attributes:
        group_s: how long its delivery waits for others of its service, seconds.
        most_leaks: of how many a delivery to this target tells at most.
    """

    target: str
    endpoint: str
    sheet: Sheet
    group_s: float = 0.0
    most_leaks: int = 1


COLUMNS = ", ".join(field.name for field in fields(Delivery))


def new_webhook_id() -> str:
    """A fresh webhook-id, free of the full stops that separate the signed parts."""
    return f"msg_{randomness.token_hex(16)}"


def put(db: Database, letters: Iterable[Letter], now: float) -> None:
    """Adds letters within the caller's open transaction, which it neither begins nor ends.

    Raises:
        RuntimeError: no transaction is open, so the leak and its alert could part.
    """
    for letter in letters:
        if not db.conn.in_transaction:
            raise RuntimeError("alerts must be enqueued inside the transaction that saves their leaks: begin one")
        delivery_id = _open_delivery(db, letter) or _begin(db, letter, now)
        db.execute(
            "INSERT INTO alert_notices (delivery_id, target, leak_id, sheet) VALUES (?, ?, ?, ?)",
            [delivery_id, letter.target, letter.sheet.leak_id, letter.sheet.text()],
        )


def _open_delivery(db: Database, letter: Letter) -> int | None:
    """The open delivery that this letter may join.

    None that is older than what was last told of the same leak, which would turn their order; and none while something
    of the same leak still waits, for which the others in the delivery would have to wait as well.
    """
    if not letter.group_s:
        return None
    sheet = letter.sheet
    row = db.execute(
        "SELECT id FROM alert_deliveries WHERE target = ?1 AND service = ?2 AND environment = ?3 AND type = ?4 "
        "AND body = '' AND status = 'pending' AND NOT EXISTS ("
        "SELECT 1 FROM alert_notices JOIN alert_deliveries AS told ON told.id = delivery_id "
        "WHERE alert_notices.target = ?1 AND leak_id = ?5 "
        "AND (told.status = 'pending' OR told.id >= alert_deliveries.id)) "
        "AND (SELECT count(*) FROM alert_notices WHERE delivery_id = alert_deliveries.id) < ?6 ORDER BY id LIMIT 1",
        [letter.target, sheet.service, sheet.environment, sheet.type, sheet.leak_id, letter.most_leaks],
    ).fetchone()
    return None if row is None else int(row[0])


def _begin(db: Database, letter: Letter, now: float) -> int:
    sheet = letter.sheet
    status = "disabled" if endpoints.is_disabled(db, letter.endpoint) else "pending"
    waits_s = letter.group_s if letter.most_leaks > 1 else 0.0
    values = (new_webhook_id(), letter.target, sheet.service, sheet.environment, sheet.type, status, now, now + waits_s)
    row = db.execute(
        "INSERT INTO alert_deliveries (webhook_id, target, service, environment, type, body, status, created, "
        "next_attempt) VALUES (?, ?, ?, ?, ?, '', ?, ?, ?) RETURNING id",
        values,
    ).fetchone()
    return int(row[0])


def due(db: Database, now: float, targets: Sequence[str], limit: int = 100) -> list[Delivery]:
    """Deliveries to these targets that are to be tried now, oldest first; none with a leak that an earlier one has."""
    return select(
        db,
        "WHERE status = 'pending' AND next_attempt <= ? AND target IN (SELECT value FROM json_each(?)) AND NOT EXISTS ("
        "SELECT 1 FROM alert_notices AS own JOIN alert_notices AS other "
        "ON other.target = own.target AND other.leak_id = own.leak_id AND other.delivery_id < own.delivery_id "
        "JOIN alert_deliveries AS earlier ON earlier.id = other.delivery_id "
        "WHERE own.delivery_id = alert_deliveries.id AND earlier.status = 'pending') ORDER BY id LIMIT ?",
        [now, json.dumps(list(targets)), limit],
    )


def select(db: Database, where: str, parameters: Sequence[object]) -> list[Delivery]:
    """Deliveries by a condition of ours."""
    rows = db.execute(f"SELECT {COLUMNS} FROM alert_deliveries {where}", parameters)  # noqa: S608 no user's text
    return [Delivery(*row) for row in rows]


def sheets_of(db: Database, delivery_id: int) -> list[Sheet]:
    """What a delivery tells, in the order in which it happened."""
    rows = db.execute("SELECT sheet FROM alert_notices WHERE delivery_id = ? ORDER BY id", [delivery_id])
    return [read_sheet(row[0]) for row in rows]


def closed(db: Database, delivery_id: int, body_of: Callable[[list[Sheet]], str]) -> Delivery:
    """The delivery with its body, which is written down if it was open, so that every attempt sends the same."""
    with transaction(db):
        (delivery,) = select(db, "WHERE id = ?", [delivery_id])
        if not delivery.body:
            body = body_of(sheets_of(db, delivery_id))
            db.execute("UPDATE alert_deliveries SET body = ? WHERE id = ?", [body, delivery_id])
            (delivery,) = select(db, "WHERE id = ?", [delivery_id])
    return delivery


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
    if answer.delivered:
        _bury_overtaken(db, delivery_id)
    return status


def _bury_overtaken(db: Database, delivery_id: int) -> None:
    """Gives up older deliveries with a leak of one that arrived: such were replayed while it was under way."""
    db.execute(
        "UPDATE alert_deliveries SET status = 'dead', error = 'out of date: something newer of the same leak arrived' "
        "WHERE status = 'pending' AND id IN (SELECT older.delivery_id FROM alert_notices AS own "
        "JOIN alert_notices AS older ON older.target = own.target AND older.leak_id = own.leak_id "
        "AND older.delivery_id < own.delivery_id WHERE own.delivery_id = ?)",
        [delivery_id],
    )


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
