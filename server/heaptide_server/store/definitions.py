"""Sites and types that workers define: each once in the store, whatever number a worker gave it.

They are dropped when no worker that the store knows of can have defined them. Whatever else refers to one (levels, sums
of closed buckets) comes from a worker, which is kept as long as the sums of days are. Who refers to what stands packed
in `numbers`, all of which would have to be read to find it out: instead, each row tells when it was last defined.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import Literal

import numpy as np

from heaptide_server.model import Ints, Report
from heaptide_server.store import records
from heaptide_server.store.cover import DAY

# When something was last defined is told this exactly: most workers define what others did a moment ago.
RENEWED_AFTER_S = float(DAY)

STEPS = (
    *(f"ALTER TABLE {table} ADD COLUMN defined_at REAL" for table in ("sites", "types")),
    # No worker defined anything after it was last heard of. Where it's null, an older collector wrote the row.
    "UPDATE sites SET defined_at = (SELECT max(last_seen) FROM workers)",
    "UPDATE types SET defined_at = (SELECT max(last_seen) FROM workers)",
    *(f"CREATE INDEX {table}_by_age ON {table} (defined_at)" for table in ("sites", "types")),
)


def define_sites(connection: sqlite3.Connection, worker_id: int, report: Report, at: float) -> Ints:
    """The store's ids of the report's new sites, recorded as the worker's next numbers.

    Args:
        at: now, but not before the worker was first seen.
    """
    ids = []
    for frames in report.new_sites:
        text = records.site_frames(frames)
        fingerprint = hashlib.sha256(text.encode()).digest()[:16]
        number = _renewed(connection, "sites", "fingerprint", fingerprint, at)
        if number is None:
            sql = "INSERT INTO sites (fingerprint, name, frames, defined_at) VALUES (?, ?, ?, ?) RETURNING id"
            row = connection.execute(sql, [fingerprint, records.site_name(frames), text, at]).fetchone()
            number = row["id"]
        ids.append(number)
    return _number(connection, worker_id, "site", report.first_site, ids)


def define_types(connection: sqlite3.Connection, worker_id: int, report: Report, at: float) -> Ints:
    """The store's ids of the report's new types, recorded as the worker's next numbers; `at` as above."""
    ids = []
    for name in report.new_types:
        number = _renewed(connection, "types", "name", name, at)
        if number is None:
            sql = "INSERT INTO types (name, defined_at) VALUES (?, ?) RETURNING id"
            number = connection.execute(sql, [name, at]).fetchone()["id"]
        ids.append(number)
    return _number(connection, worker_id, "type", report.first_type, ids)


def forget(connection: sqlite3.Connection, at_once: int) -> int:
    """Drops some of what was last defined before any worker was first seen that is still known; returns how many."""
    oldest = connection.execute("SELECT min(first_seen) FROM workers").fetchone()[0]
    if oldest is None:
        return 0
    before = [oldest - RENEWED_AFTER_S, at_once]
    # The last one stays: SQLite would give its id away again, and leaks remember ids.
    # Totals may be kept for longer than workers, and people read them with other tools.
    told = "EXISTS (SELECT 1 FROM totals WHERE site_id = sites.id)"
    sites = f"SELECT id FROM sites WHERE defined_at < ? AND id < (SELECT max(id) FROM sites) AND NOT {told} LIMIT ?"  # noqa: S608 - our own text
    types = "SELECT id FROM types WHERE defined_at < ? AND id < (SELECT max(id) FROM types) LIMIT ?"
    dropped = connection.execute(f"DELETE FROM sites WHERE id IN ({sites})", before).rowcount  # noqa: S608
    return dropped + connection.execute(f"DELETE FROM types WHERE id IN ({types})", before).rowcount  # noqa: S608


def _renewed(
    connection: sqlite3.Connection, table: Literal["sites", "types"], key: str, value: bytes | str, at: float
) -> int | None:
    """The id of what is known already, which is defined once more now."""
    sql = f"SELECT id, defined_at FROM {table} WHERE {key} = ?"  # noqa: S608 - our own names
    row = connection.execute(sql, [value]).fetchone()
    if row is None:
        return None
    if row["defined_at"] is None or row["defined_at"] < at - RENEWED_AFTER_S:
        connection.execute(f"UPDATE {table} SET defined_at = ? WHERE id = ?", [at, row["id"]])  # noqa: S608
    return int(row["id"])


def _number(connection: sqlite3.Connection, worker_id: int, kind: str, first: int, ids: Sequence[int]) -> Ints:
    if ids:
        row = [worker_id, kind, first, records.ids_blob(ids)]
        connection.execute("INSERT INTO numbers VALUES (?, ?, ?, ?)", row)
    return np.array(ids, np.int64)
