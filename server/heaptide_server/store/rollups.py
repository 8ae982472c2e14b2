"""Closed buckets: each made anew from the next finer data whenever something in it changed."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence

import numpy as np

from heaptide_server.store import fleetwide, packed, totals
from heaptide_server.store.cover import FIVE_MINUTES, HOUR, WIDTHS
from heaptide_server.store.roster import Roster

# Workers' buckets in one transaction: reports wait for it, so it stays well under a second.
AT_ONCE = 200


def roll_some(roster: Roster, now: float) -> int:
    """Makes some closed buckets that were touched, finest first, and the totals of hours; 0 when none is left."""
    for width in WIDTHS:
        due = roster.connection.execute(
            "SELECT start, worker_id FROM touched WHERE width_s = ? AND start + width_s <= ? ORDER BY start LIMIT ?",
            [width, now, AT_ONCE],
        ).fetchall()
        if due:
            for row in due:
                _make(roster.connection, width, row["start"], row["worker_id"])
            fleetwide.make(roster.connection, width, due)
            if width == HOUR:
                totals.make(roster, due)
            return len(due)
    return 0


def _make(connection: sqlite3.Connection, width: int, start: float, worker_id: int) -> None:
    parts = _finer(connection, width, start, worker_id)
    connection.execute(
        "INSERT OR REPLACE INTO rollups (worker_id, width_s, start, elapsed_s, requests, vitals, sites, types) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            worker_id,
            width,
            start,
            sum(row["elapsed_s"] for row in parts if row["kind"] == "change"),
            sum(row["requests"] for row in parts if row["kind"] == "change"),
            mean_vitals([row["vitals"] for row in parts if row["kind"] != "end"]),
            _sum([row["sites"] for row in parts if row["kind"] == "change"]),
            _sum([row["types"] for row in parts if row["kind"] == "change"]),
        ],
    )
    bucket = [width, start, worker_id]
    connection.execute("DELETE FROM touched WHERE width_s = ? AND start = ? AND worker_id = ?", bucket)
    for wider in [wider for wider in WIDTHS if wider > width][:1]:
        bucket = [wider, math.floor(start / wider) * wider, worker_id]
        connection.execute("INSERT OR IGNORE INTO touched VALUES (?, ?, ?)", bucket)


def _finer(connection: sqlite3.Connection, width: int, start: float, worker_id: int) -> list[sqlite3.Row]:
    if width == FIVE_MINUTES:
        sql = (
            "SELECT kind, elapsed_s, requests, vitals, sites, types FROM entries "
            "WHERE worker_id = ? AND at >= ? AND at < ?"
        )
        return connection.execute(sql, [worker_id, start, start + width]).fetchall()
    finer = WIDTHS[WIDTHS.index(width) - 1]
    sql = (
        "SELECT 'change' AS kind, elapsed_s, requests, vitals, sites, types FROM rollups "
        "WHERE worker_id = ? AND width_s = ? AND start >= ? AND start < ?"
    )
    return connection.execute(sql, [worker_id, finer, start, start + width]).fetchall()


def _sum(blobs: Sequence[bytes]) -> bytes:
    return packed.encode(packed.total(packed.decode(blob) for blob in blobs))


def mean_vitals(texts: Sequence[str]) -> str:
    """The mean of each vital over several stored lists, leaving out where it wasn't known."""
    lists = [json.loads(text) for text in texts]
    width = max(map(len, lists), default=0)
    means = []
    for index in range(width):
        known = [values[index] for values in lists if index < len(values) and values[index] is not None]
        means.append(float(np.mean(known)) if known else None)
    return json.dumps(means, separators=(",", ":"))
