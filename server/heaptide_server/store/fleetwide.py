"""Sums over all workers of a service, a row a bucket and release: what pages about a whole service read.

They are made of the workers' own rollups, whenever one of those is made anew, in numbers of the store's sites.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby

from heaptide_server.model import Columns
from heaptide_server.store import packed, records, told_in_buckets, types_in_buckets
from heaptide_server.store.buckets import Bucket
from heaptide_server.store.known import number_ids

COLUMNS = ("bytes", "blocks", "allocated_bytes")
# Closed buckets never change, so pages read the same ones again and again; 5,000 sites decoded take 160 kB.
DECODED = 320

decode = lru_cache(DECODED)(packed.decode)

TABLE = (
    """CREATE TABLE fleet (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, environment TEXT NOT NULL, release TEXT, width_s INTEGER NOT NULL,
    start REAL NOT NULL, workers INTEGER NOT NULL, elapsed_s REAL NOT NULL, requests INTEGER NOT NULL,
    rss BLOB NOT NULL, sites BLOB NOT NULL)""",
    "CREATE INDEX fleet_by_bucket ON fleet (service, width_s, start, environment)",
    "CREATE INDEX fleet_by_age ON fleet (width_s, start)",
)


def make(connection: sqlite3.Connection, width: int, buckets: Iterable[sqlite3.Row]) -> None:
    """Makes anew the sums of the services that these workers' buckets (start, worker_id) of a width belong to."""
    by_start: dict[float, set[int]] = {}
    for bucket in buckets:
        by_start.setdefault(bucket["start"], set()).add(bucket["worker_id"])
    for start, workers in by_start.items():
        sql = f"SELECT DISTINCT service, environment FROM workers WHERE id IN ({records.AMONG})"  # noqa: S608
        for row in connection.execute(sql, [records.listed(workers)]).fetchall():
            whole = Bucket(row["service"], row["environment"], width, start)
            rows = _rows(connection, whole)
            _make(connection, whole, rows)
            _make_beside(connection, whole, rows)


def make_all(connection: sqlite3.Connection) -> None:
    """Makes the sums of all buckets that there are; a file from before there were any needs it once."""
    for bucket in _buckets(connection):
        _make(connection, bucket, _rows(connection, bucket))


def make_all_told(connection: sqlite3.Connection) -> None:
    """Makes what stands beside the sums of all buckets, likewise."""
    for bucket in _buckets(connection):
        _make_beside(connection, bucket, _rows(connection, bucket))


def _buckets(connection: sqlite3.Connection) -> list[Bucket]:
    rows = connection.execute(
        "SELECT DISTINCT width_s, start, service, environment FROM rollups JOIN workers ON workers.id = worker_id"
    )
    return [Bucket(row["service"], row["environment"], row["width_s"], row["start"]) for row in rows]


def _rows(connection: sqlite3.Connection, bucket: Bucket) -> list[sqlite3.Row]:
    # CROSS JOIN: from the bucket's few rows to their workers, not from all lives that the service ever had.
    return connection.execute(
        "SELECT release, worker_id, elapsed_s, rollups.requests AS requests, rollups.vitals AS vitals, sites, types "
        "FROM rollups CROSS JOIN workers ON workers.id = worker_id "
        "WHERE width_s = ? AND start = ? AND service = ? AND environment = ? ORDER BY release, worker_id",
        [bucket.width_s, bucket.start, bucket.service, bucket.environment],
    ).fetchall()


def _make(connection: sqlite3.Connection, bucket: Bucket, rows: Sequence[sqlite3.Row]) -> None:
    by_release = [(release, list(some)) for release, some in groupby(rows, key=lambda row: row["release"])]
    sums = [
        (
            *(release, len(told), sum(row["elapsed_s"] for row in told), sum(row["requests"] for row in told)),
            b"",  # each worker's resident set stands in `told_in_buckets` now
            packed.encode(_together(connection, told)),
        )
        for release, told in by_release
    ]
    bucket.fill(connection, "fleet", ("release", "workers", "elapsed_s", "requests", "rss", "sites"), sums)


def _make_beside(connection: sqlite3.Connection, bucket: Bucket, rows: Sequence[sqlite3.Row]) -> None:
    told_in_buckets.make(connection, bucket, rows)
    types_in_buckets.make(connection, bucket, rows)


def _together(connection: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> Columns:
    parts = []
    for row in rows:
        changed = packed.decode(row["sites"])
        if len(changed.ids):
            ids = number_ids(connection, row["worker_id"], "site")[changed.ids]
            parts.append(Columns(ids, {name: column for name, column in changed.values.items() if name in COLUMNS}))
    return packed.total(parts)
