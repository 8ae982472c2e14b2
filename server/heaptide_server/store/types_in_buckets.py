"""How the numbers of objects changed in a closed bucket, over all workers of a service: a row a bucket and release."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby

from heaptide_server.model import Columns
from heaptide_server.store import batch, packed
from heaptide_server.store.buckets import Bucket
from heaptide_server.store.cover import Piece
from heaptide_server.store.known import Maps

TABLE = (
    """CREATE TABLE fleet_types (
    id INTEGER PRIMARY KEY, service TEXT NOT NULL, environment TEXT NOT NULL, release TEXT, width_s INTEGER NOT NULL,
    start REAL NOT NULL, types BLOB NOT NULL)""",
    "CREATE INDEX fleet_types_by_bucket ON fleet_types (service, width_s, start, environment)",
    "CREATE INDEX fleet_types_by_age ON fleet_types (width_s, start)",
)

_decode = lru_cache(512)(packed.decode)  # 300 types take 5 kB


def make(connection: sqlite3.Connection, bucket: Bucket, rows: Iterable[sqlite3.Row]) -> None:
    """Makes a bucket from its workers' rows (release, worker_id, types), in the order of releases."""
    maps = Maps(connection, "type")
    by_release = groupby(rows, key=lambda row: row["release"])
    told = [(release, packed.encode(_together(maps, list(some)))) for release, some in by_release]
    bucket.fill(connection, "fleet_types", ("release", "types"), told)


def read(
    connection: sqlite3.Connection, service: str, environment: str | None, piece: Piece, release: str | None
) -> Iterator[Columns]:
    """The changes of each bucket, in numbers of the store's types; of all releases or of one."""
    rows = connection.execute(
        "SELECT types FROM fleet_types WHERE service = ? AND width_s = ? AND start >= ? AND start < ? "
        "AND (? IS NULL OR environment = ?) AND (? IS NULL OR release = ?)",
        [service, piece.width_s, piece.since, piece.until, environment, environment, release, release],
    )
    return (_decode(row["types"]) for row in rows)


def _together(maps: Maps, rows: Sequence[sqlite3.Row]) -> Columns:
    maps.read(row["worker_id"] for row in rows)
    changed = batch.decode([row["types"] for row in rows])
    return packed.total(
        Columns(maps.of(row["worker_id"])[one.ids], one.values)
        for row, one in zip(rows, changed, strict=True)
        if len(one.ids)
    )
