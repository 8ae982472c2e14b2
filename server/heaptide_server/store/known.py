"""What the writer keeps in memory of a worker, and how it is read back exactly: checkpoint, then what came after."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from heaptide_server.model import Ints, WorkerIdentity
from heaptide_server.store import packed, records
from heaptide_server.store.levels import Levels


@dataclass(frozen=True)
class Known:
    """A worker as of one committed entry. Never changed in place: readers on other threads share it.

    `acknowledged` 0 means that its levels are gone, so that it can only begin anew. `answered` is the last of the
    collector's requests that it answered.
    """

    id: int
    identity: WorkerIdentity
    acknowledged: int
    answered: int
    requests: int
    first_seen: float
    last_seen: float
    ended: bool
    entry_id: int
    at: float
    checkpoint_at: float
    vitals: dict[str, float | None]
    sites: Levels
    types: Levels
    site_ids: Ints
    type_ids: Ints


def load_alive(connection: sqlite3.Connection) -> dict[str, Known]:
    """All workers that have not ended, by key."""
    rows = connection.execute("SELECT * FROM workers WHERE ended_at IS NULL ORDER BY id").fetchall()
    return {row["key"]: _known(connection, row) for row in rows}


def load_by_key(connection: sqlite3.Connection, key: str) -> Known | None:
    """The newest worker of this key."""
    row = connection.execute("SELECT * FROM workers WHERE key = ? ORDER BY id DESC LIMIT 1", [key]).fetchone()
    return _known(connection, row) if row else None


def load(connection: sqlite3.Connection, worker_id: int) -> Known:
    """The worker of this id, which exists."""
    row = connection.execute("SELECT * FROM workers WHERE id = ?", [worker_id]).fetchone()
    return _known(connection, row)


def number_ids(connection: sqlite3.Connection, worker_id: int, kind: str) -> Ints:
    """The store's id for each of the worker's own numbers; `kind` is site or type."""
    sql = "SELECT ids FROM numbers WHERE worker_id = ? AND kind = ? ORDER BY first"
    return records.ids_from(row["ids"] for row in connection.execute(sql, [worker_id, kind]))


class Maps:
    """The store's ids of sites (or types) by the workers' own numbers, each worker's read once."""

    def __init__(self, connection: sqlite3.Connection, kind: Literal["site", "type"] = "site") -> None:
        self._connection = connection
        self._kind = kind
        self._ids: dict[int, Ints] = {}

    def read(self, worker_ids: Iterable[int]) -> None:
        """Reads those of many workers at once."""
        missing = set(worker_ids) - self._ids.keys()
        among = f"worker_id IN ({records.AMONG})"
        sql = f"SELECT worker_id, ids FROM numbers WHERE {among} AND kind = ? ORDER BY worker_id, first"  # noqa: S608
        rows = self._connection.execute(sql, [records.listed(missing), self._kind])
        for worker_id, some in groupby(rows, key=lambda row: int(row["worker_id"])):
            self._ids[worker_id] = records.ids_from(row["ids"] for row in some)

    def of(self, worker_id: int) -> Ints:
        """One worker's, in the order of its numbers."""
        if worker_id not in self._ids:
            self._ids[worker_id] = number_ids(self._connection, worker_id, self._kind)
        return self._ids[worker_id]


def _known(connection: sqlite3.Connection, row: sqlite3.Row) -> Known:
    site_ids, type_ids = number_ids(connection, row["id"], "site"), number_ids(connection, row["id"], "type")
    base = connection.execute("SELECT * FROM checkpoints WHERE worker_id = ?", [row["id"]]).fetchone()
    sites, types = Levels().after(packed.EMPTY, len(site_ids)), Levels().after(packed.EMPTY, len(type_ids))
    entry_id = 0
    if base:
        entry_id = base["entry_id"]
        sites = sites.after(packed.decode(base["sites"]), len(site_ids))
        types = types.after(packed.decode(base["types"]), len(type_ids))
    newer = "SELECT id, sites, types FROM entries WHERE worker_id = ? AND id > ? ORDER BY id"
    for entry in connection.execute(newer, [row["id"], entry_id]).fetchall():
        sites = sites.after(packed.decode(entry["sites"]), len(site_ids))
        types = types.after(packed.decode(entry["types"]), len(type_ids))
        entry_id = entry["id"]
    latest = connection.execute("SELECT at FROM entries WHERE id = ?", [entry_id]).fetchone()
    return Known(
        id=row["id"],
        identity=records.identity(row),
        acknowledged=row["acknowledged"],
        answered=row["answered"],
        requests=row["requests"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        ended=row["ended_at"] is not None,
        entry_id=entry_id,
        at=latest["at"] if latest else row["last_seen"],
        checkpoint_at=row["first_seen"],
        vitals=records.vitals_from(row["vitals"]),
        sites=sites,
        types=types,
        site_ids=site_ids,
        type_ids=type_ids,
    )
