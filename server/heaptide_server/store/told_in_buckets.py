"""What each worker told in a closed bucket, beside the service's sums: a row a vital, and one for its sites' growth.

A chart of 30 days over 200 workers reads hundreds of rows here where the workers' own buckets are 144,000.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from heaptide.wire import VITALS
from heaptide_server.model import Floats, Ints
from heaptide_server.store import batch
from heaptide_server.store.buckets import Bucket
from heaptide_server.store.cover import Piece

# Beside the vitals' own names: bytes by which what a worker's tracer knows grew.
GROWN = "grown"
# Whose names are our own; with them the index finds one bucket's rows.
_BY_NAME = f"AND name IN {(*VITALS, GROWN)}"

TABLE = (
    """CREATE TABLE fleet_vitals (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, environment TEXT NOT NULL, width_s INTEGER NOT NULL,
    name TEXT NOT NULL, start REAL NOT NULL, told BLOB NOT NULL)""",
    "CREATE INDEX fleet_vitals_by_bucket ON fleet_vitals (service, width_s, name, start, environment)",
    "CREATE INDEX fleet_vitals_by_age ON fleet_vitals (width_s, start)",
)


class Told(NamedTuple):
    """What workers told: at the start of which bucket, the worker's id, and the value, as long as each other."""

    starts: Floats
    workers: Ints
    values: Floats


def make(connection: sqlite3.Connection, bucket: Bucket, rows: Sequence[sqlite3.Row]) -> None:
    """Makes a bucket from its workers' rows (worker_id, vitals, sites)."""
    workers = np.array([row["worker_id"] for row in rows], np.int64)
    told = [(name, blob(workers, values)) for name, values in _told(rows).items() if not np.isnan(values).all()]
    bucket.fill(connection, "fleet_vitals", ("name", "told"), told, _BY_NAME)


def read(connection: sqlite3.Connection, service: str, environment: str | None, name: str, piece: Piece) -> Told:
    """What was told in the buckets of a piece, in the order of time."""
    rows = connection.execute(
        "SELECT start, told FROM fleet_vitals WHERE service = ? AND width_s = ? AND name = ? AND start >= ? "
        "AND start < ? AND (? IS NULL OR environment = ?) ORDER BY start",
        [service, piece.width_s, name, piece.since, piece.until, environment, environment],
    ).fetchall()
    blobs = [row["told"] for row in rows]
    counts = [len(blob) // 16 for blob in blobs]
    return Told(
        np.repeat([row["start"] for row in rows], counts),
        np.frombuffer(b"".join(blob[: 8 * n] for blob, n in zip(blobs, counts, strict=True)), "<i8"),
        np.frombuffer(b"".join(blob[8 * n :] for blob, n in zip(blobs, counts, strict=True)), "<f8"),
    )


def blob(workers: Ints, values: Floats) -> bytes:
    """Ids, then values, as 64-bit numbers; what isn't known (NaN) is left out."""
    known = ~np.isnan(values)
    return workers[known].astype("<i8").tobytes() + values[known].astype("<f8").tobytes()


def _told(rows: Sequence[sqlite3.Row]) -> dict[str, Floats]:
    lists = json.loads(f"[{','.join(row['vitals'] for row in rows)}]")
    told = {
        name: np.array([values[at] if at < len(values) else None for values in lists], np.float64)
        for at, name in enumerate(VITALS)
    }
    changed = batch.decode([row["sites"] for row in rows])
    grown = [int(one.values["bytes"].sum()) if "bytes" in one.values else 0 for one in changed]
    return told | {GROWN: np.array(grown, np.float64)}
