"""Growth per site and worker: what repeats in each generation, and what one worker does alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from heaptide_server.model import Floats, Ints, Series, Worker
from heaptide_server.store import batch, records
from heaptide_server.store.cover import RAW, Extent, Piece, cover
from heaptide_server.store.growth import Question, bucket_of, bucket_starts
from heaptide_server.store.known import Maps


def growth_by_worker(
    connection: sqlite3.Connection,
    question: Question,
    there: Extent,
    site_ids: Sequence[int],
    buckets: int,
    workers: Sequence[Worker],
) -> Series:
    """Growth in bytes per bucket; rows are pairs of a worker and a site's id, by worker, then in the order of sites."""
    width_s = (question.until - question.since) / buckets
    grown: dict[tuple[int, int], Floats] = {}
    own = _Own(connection, site_ids)
    for piece in cover(question.since, question.until, there, width_s):
        rows = _changes(connection, [worker.id for worker in workers], piece)
        own.read(row["worker_id"] for row in rows)
        for row, changed in zip(rows, batch.decode([row["sites"] for row in rows]), strict=True):
            sites = own.of(row["worker_id"])[changed.ids]
            where = np.flatnonzero(sites)
            if "bytes" in changed.values and len(where):
                bucket = bucket_of(row["at"], question.since, width_s, buckets)
                for site, change in zip(sites[where].tolist(), changed.values["bytes"][where].tolist(), strict=True):
                    grown.setdefault((row["worker_id"], site), np.zeros(buckets))[bucket] += change
    keys = [(worker, site) for worker in workers for site in site_ids if (worker.id, site) in grown]
    values = np.array([grown[worker.id, site] for worker, site in keys]).reshape(len(keys), buckets)
    return Series(bucket_starts(question.since, width_s, buckets), width_s, list(keys), values)


class _Own:
    """By the workers' own numbers: the store's ids of these sites, 0 for any other; each worker's worked out once."""

    def __init__(self, connection: sqlite3.Connection, site_ids: Sequence[int]) -> None:
        self._maps = Maps(connection)
        self._wanted = np.array(site_ids, np.int64)
        self._known: dict[int, Ints] = {}

    def read(self, worker_ids: Iterable[int]) -> None:
        """Reads those of many workers at once."""
        self._maps.read(worker_ids)

    def of(self, worker_id: int) -> Ints:
        """One worker's, in the order of its numbers."""
        if worker_id not in self._known:
            ids = self._maps.of(worker_id)
            self._known[worker_id] = np.where(np.isin(ids, self._wanted), ids, 0)
        return self._known[worker_id]


def knowing(connection: sqlite3.Connection, worker_ids: Sequence[int], site_ids: Sequence[int]) -> set[int]:
    """Those of the workers that may have seen one of the sites; one that hasn't may be among them."""
    if not worker_ids or not site_ids:
        return set()
    # Eight bytes of two other numbers may look like the site's: then a worker is read in vain.
    seen = " OR ".join(["instr(ids, ?)"] * len(site_ids))
    among = f"worker_id IN ({records.AMONG})"
    sql = f"SELECT worker_id FROM numbers WHERE {among} AND kind = 'site' AND ({seen})"  # noqa: S608 - our own texts
    rows = connection.execute(sql, [records.listed(worker_ids), *(records.ids_blob([site]) for site in site_ids)])
    return {row["worker_id"] for row in rows}


def _changes(connection: sqlite3.Connection, worker_ids: Sequence[int], piece: Piece) -> list[sqlite3.Row]:
    among, listed = f"worker_id IN ({records.AMONG})", records.listed(worker_ids)
    if piece.width_s == RAW:
        sql = f"SELECT worker_id, at, sites FROM entries WHERE {among} AND kind = 'change' AND at >= ? AND at < ?"  # noqa: S608
        return connection.execute(sql, [listed, piece.since, piece.until]).fetchall()
    sql = (
        f"SELECT worker_id, start AS at, sites FROM rollups WHERE {among} AND width_s = ? AND start >= ? "  # noqa: S608
        "AND start < ?"
    )
    return connection.execute(sql, [listed, piece.width_s, piece.since, piece.until]).fetchall()
