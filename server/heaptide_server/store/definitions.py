"""Sites and types that workers define: each once in the store, whatever number a worker gave it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence

import numpy as np

from heaptide_server.model import Ints, Report
from heaptide_server.store import records


def define_sites(connection: sqlite3.Connection, worker_id: int, report: Report) -> Ints:
    """The store's ids of the report's new sites, recorded as the worker's next numbers."""
    ids = []
    for frames in report.new_sites:
        text = records.site_frames(frames)
        fingerprint = hashlib.sha256(text.encode()).digest()[:16]
        row = connection.execute("SELECT id FROM sites WHERE fingerprint = ?", [fingerprint]).fetchone()
        if row is None:
            sql = "INSERT INTO sites (fingerprint, name, frames) VALUES (?, ?, ?) RETURNING id"
            row = connection.execute(sql, [fingerprint, records.site_name(frames), text]).fetchone()
        ids.append(row["id"])
    return _number(connection, worker_id, "site", report.first_site, ids)


def define_types(connection: sqlite3.Connection, worker_id: int, report: Report) -> Ints:
    """The store's ids of the report's new types, recorded as the worker's next numbers."""
    ids = []
    for name in report.new_types:
        row = connection.execute("SELECT id FROM types WHERE name = ?", [name]).fetchone()
        if row is None:
            row = connection.execute("INSERT INTO types (name) VALUES (?) RETURNING id", [name]).fetchone()
        ids.append(row["id"])
    return _number(connection, worker_id, "type", report.first_type, ids)


def _number(connection: sqlite3.Connection, worker_id: int, kind: str, first: int, ids: Sequence[int]) -> Ints:
    if ids:
        row = [worker_id, kind, first, records.ids_blob(ids)]
        connection.execute("INSERT INTO numbers VALUES (?, ?, ?, ?)", row)
    return np.array(ids, np.int64)
