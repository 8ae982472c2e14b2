"""The outbox as people look at it: what was sent, what died, and what of that may be sent again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from heaptide_server.alerts.outbox import Delivery, Status, select
from heaptide_server.alerts.sheet import read_sheet
from heaptide_server.store.connections import transaction

AT_ONCE = 1000  # rows in one transaction of `expire`: the leaks' own wait for it
REPLAYABLE = ("dead", "disabled")

# A delivery of the same target that arrived, is younger and tells of one of the same leaks.
_NEWER = (
    "SELECT newer.id FROM alert_notices AS own JOIN alert_notices AS other "
    "ON other.target = own.target AND other.leak_id = own.leak_id AND other.delivery_id > own.delivery_id "
    "JOIN alert_deliveries AS newer ON newer.id = other.delivery_id "
    "WHERE own.delivery_id = alert_deliveries.id AND newer.status = 'delivered'"
)


class UnknownDeliveryError(LookupError):
    """There is no such delivery."""


class ReplayRefusedError(Exception):
    """A delivery that can't be replayed. The text says why."""


@dataclass(frozen=True)
class Mention:
    """A leak that a delivery tells of."""

    leak_id: str
    place: str


@dataclass(frozen=True)
class Entry:
    """A delivery in the log, the leaks that it tells of, and whether it may be replayed."""

    delivery: Delivery
    leaks: tuple[Mention, ...]
    replayable: bool


def recent(db: Database, limit: int) -> list[Delivery]:
    """The newest deliveries, newest first."""
    return select(db, "ORDER BY id DESC LIMIT ?", [limit])


def log(
    db: Database, limit: int, before: int | None = None, status: Status | None = None, target: str | None = None
) -> list[Entry]:
    """The newest deliveries with their leaks, newest first.

    Args:
        before: only those with a smaller id.
    """
    rows = select(
        db,
        "WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR target = ?3) "
        "ORDER BY id DESC LIMIT ?4",
        [before, status, target, limit],
    )
    return _entries(db, rows)


def entry(db: Database, delivery_id: int) -> Entry:
    """One delivery.

    Raises:
        UnknownDeliveryError: there is none with this id.
    """
    rows = select(db, "WHERE id = ?", [delivery_id])
    if not rows:
        raise UnknownDeliveryError(f"there is no delivery {delivery_id}")
    return _entries(db, rows)[0]


def _entries(db: Database, rows: Sequence[Delivery]) -> list[Entry]:
    ids = json.dumps([row.id for row in rows])
    among = "IN (SELECT value FROM json_each(?))"
    leaks = defaultdict(list)
    notices = f"SELECT delivery_id, leak_id, sheet FROM alert_notices WHERE delivery_id {among} ORDER BY id"  # noqa: S608
    for delivery_id, leak_id, sheet in db.execute(notices, [ids]):
        leaks[delivery_id].append(Mention(leak_id, read_sheet(sheet).place if sheet else leak_id))
    outdated = {row.id for row in select(db, f"WHERE id {among} AND EXISTS ({_NEWER})", [ids])}
    return [Entry(row, tuple(leaks[row.id]), row.status in REPLAYABLE and row.id not in outdated) for row in rows]


def counts(db: Database) -> dict[tuple[str, str], int]:
    """How many deliveries there are by target and status, without those that died and are out of date by now."""
    rows = db.execute(
        "SELECT target, status, count(*) FROM alert_deliveries "  # noqa: S608 - our own text
        f"WHERE status NOT IN ('dead', 'disabled') OR NOT EXISTS ({_NEWER}) GROUP BY target, status"
    )
    return {(target, status): number for target, status, number in rows}


def replay(db: Database, delivery_id: int, now: float) -> Delivery:
    """Makes a dead or disabled delivery pending again, its webhook-id unchanged and its attempts counted anew.

    Raises:
        UnknownDeliveryError: there is no such delivery.
        ReplayRefusedError: it isn't dead or disabled, or its target has since been told something newer of a leak in
            it, which an older notice would undo.
    """
    with transaction(db):
        _check_replay(db, delivery_id, entry(db, delivery_id).delivery)
        db.execute(
            "UPDATE alert_deliveries SET status = 'pending', attempts = 0, next_attempt = ? WHERE id = ?",
            [now, delivery_id],
        )
        return entry(db, delivery_id).delivery


def _check_replay(db: Database, delivery_id: int, delivery: Delivery) -> None:
    if delivery.status not in REPLAYABLE:
        raise ReplayRefusedError(
            f"delivery {delivery_id} is {delivery.status}; only a dead or disabled one is replayed"
        )
    newer = db.execute(f"SELECT ({_NEWER} LIMIT 1) FROM alert_deliveries WHERE id = ?", [delivery_id]).fetchone()[0]  # noqa: S608
    if newer is not None:
        raise ReplayRefusedError(
            f"delivery {delivery_id} ({delivery.type}) is out of date: {delivery.target} has since been sent "
            f"{entry(db, newer).delivery.type} for the same leak; replay a later one"
        )


def expire(db: Database, before: float) -> int:
    """Drops deliveries made before a time, but none that is still to be sent; returns how many."""
    old = "SELECT id FROM alert_deliveries WHERE created < ? AND status != 'pending' ORDER BY id LIMIT ?"
    dropped = 0
    while True:
        with transaction(db):
            ids = json.dumps([row[0] for row in db.execute(old, [before, AT_ONCE])])
            among = "IN (SELECT value FROM json_each(?))"
            db.execute(f"DELETE FROM alert_notices WHERE delivery_id {among}", [ids])  # noqa: S608
            gone = db.execute(f"DELETE FROM alert_deliveries WHERE id {among}", [ids]).rowcount  # noqa: S608
        dropped += gone
        if gone < AT_ONCE:
            return dropped
