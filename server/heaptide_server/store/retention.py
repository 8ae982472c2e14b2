"""What is past its time goes; what it added up to stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from heaptide_server.store import definitions, facts, packed, records
from heaptide_server.store.cover import DAY, FIVE_MINUTES, HOUR, RAW, WIDTHS
from heaptide_server.store.roster import Roster

# Rows in one transaction: reports wait for it.
AT_ONCE = 5000
WORKERS_AT_ONCE = 20


@dataclass(frozen=True)
class Retention:
    """How long each thing is kept, in seconds.

    A report may arrive late by up to half of `raw_s`: its bucket is then made anew from raw entries.
    """

    raw_s: float = 24 * 3600.0
    five_minutes_s: float = 7 * 86400.0
    hours_s: float = 90 * 86400.0
    days_s: float = 730 * 86400.0

    def kept(self, now: float) -> dict[int, float]:
        """For each width and `RAW`, the time before which data is gone."""
        lasts = {RAW: self.raw_s, FIVE_MINUTES: self.five_minutes_s, HOUR: self.hours_s, DAY: self.days_s}
        return {width: now - last for width, last in lasts.items()}


def fold_some(roster: Roster, retention: Retention, now: float) -> int:
    """Folds raw entries past their time into one `start` a worker, which holds what they came to.

    Entries in buckets that are still to be made are left for the next time. Returns the number of entries dropped.
    """
    cutoff = _raw_cutoff(roster.connection, now - retention.raw_s)
    rows = roster.connection.execute(
        "SELECT worker_id, max(at) AS at FROM entries WHERE at < ? GROUP BY worker_id "
        "HAVING count(*) > 1 OR EXISTS (SELECT 1 FROM workers WHERE id = worker_id AND ended_at < ?) LIMIT ?",
        [cutoff, cutoff, WORKERS_AT_ONCE],
    ).fetchall()
    _keep(roster.connection, RAW, cutoff)
    return sum(_fold(roster.connection, row["worker_id"], cutoff) for row in rows)


def expire_some(roster: Roster, retention: Retention, now: float) -> int:
    """Drops some of what is past its time: sums, events, workers, and then what only these defined.

    Returns how many rows; 0 when none is left.
    """
    kept = retention.kept(now)
    connection = roster.connection
    dropped = 0
    for width in WIDTHS:
        for table in ("rollups", "fleet", "fleet_vitals", "fleet_types"):
            dropped += _drop(connection, table, "width_s = ? AND start < ?", [width, kept[width]])
        _keep(connection, width, kept[width])
    dropped += _drop(connection, "totals", "hour < ?", [kept[HOUR]])
    dropped += _drop(connection, "events", "at < ?", [kept[DAY]])
    dropped += _drop_workers(connection, kept[DAY]) + facts.forget(connection)
    return dropped + definitions.forget(connection, AT_ONCE)


def _drop_workers(connection: sqlite3.Connection, ended_before: float) -> int:
    gone = "SELECT id FROM workers WHERE ended_at < ? AND acknowledged = 0 LIMIT ?"
    ids = records.listed(row["id"] for row in connection.execute(gone, [ended_before, AT_ONCE]))
    connection.execute(f"DELETE FROM numbers WHERE worker_id IN ({records.AMONG})", [ids])  # noqa: S608 - our own text
    return connection.execute(f"DELETE FROM workers WHERE id IN ({records.AMONG})", [ids]).rowcount  # noqa: S608


def _keep(connection: sqlite3.Connection, width: int, before: float) -> None:
    sql = "INSERT INTO kept VALUES (?, ?) ON CONFLICT DO UPDATE SET before = max(before, excluded.before)"
    connection.execute(sql, [width, before])


def _raw_cutoff(connection: sqlite3.Connection, cutoff: float) -> float:
    unmade = connection.execute("SELECT min(start) FROM touched WHERE width_s = ?", [FIVE_MINUTES]).fetchone()[0]
    return cutoff if unmade is None else min(cutoff, float(unmade))


def _fold(connection: sqlite3.Connection, worker_id: int, cutoff: float) -> int:
    ended = connection.execute(
        "SELECT 1 FROM workers WHERE id = ? AND ended_at IS NOT NULL "
        "AND NOT EXISTS (SELECT 1 FROM entries WHERE worker_id = workers.id AND at >= ?)",
        [worker_id, cutoff],
    ).fetchone()
    return _forget(connection, worker_id) if ended else _fold_entries(connection, worker_id, cutoff)


def _forget(connection: sqlite3.Connection, worker_id: int) -> int:
    """An ended worker whose last entry is past its time can't go on any more: it would have to begin anew."""
    connection.execute("DELETE FROM checkpoints WHERE worker_id = ?", [worker_id])
    connection.execute("UPDATE workers SET acknowledged = 0 WHERE id = ?", [worker_id])
    return connection.execute("DELETE FROM entries WHERE worker_id = ?", [worker_id]).rowcount


def _fold_entries(connection: sqlite3.Connection, worker_id: int, cutoff: float) -> int:
    rows = connection.execute(
        "SELECT id, elapsed_s, requests, sites, types FROM entries WHERE worker_id = ? AND at < ? ORDER BY id",
        [worker_id, cutoff],
    ).fetchall()
    last = rows[-1]["id"]
    sums = [packed.encode(packed.total(packed.decode(row[column]) for row in rows)) for column in ("sites", "types")]
    told = [sum(row["elapsed_s"] for row in rows), sum(row["requests"] for row in rows)]
    connection.execute(
        "UPDATE entries SET kind = 'start', elapsed_s = ?, requests = ?, sites = ?, types = ? WHERE id = ?",
        [*told, *sums, last],
    )
    # A checkpoint in the middle of what was folded would count it twice.
    connection.execute("DELETE FROM checkpoints WHERE worker_id = ? AND entry_id < ?", [worker_id, last])
    drop = "DELETE FROM entries WHERE worker_id = ? AND id < ?"
    return connection.execute(drop, [worker_id, last]).rowcount


def _drop(connection: sqlite3.Connection, table: str, where: str, values: Sequence[float]) -> int:
    some = f"SELECT id FROM {table} WHERE {where} LIMIT {AT_ONCE}"  # noqa: S608 - our own texts
    return connection.execute(f"DELETE FROM {table} WHERE id IN ({some})", values).rowcount  # noqa: S608
