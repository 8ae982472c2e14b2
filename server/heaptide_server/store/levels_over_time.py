"""What workers' tracers knew over time: levels, from what they know now back through the changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from heaptide_server.model import Columns, Floats, Series, Worker
from heaptide_server.store import batch, fleet, packed, records
from heaptide_server.store.cover import RAW, Extent, Piece, cover
from heaptide_server.store.growth import Question, bucket_of, bucket_starts, rows_of
from heaptide_server.store.known import Known
from heaptide_server.store.told_in_buckets import GROWN


def traced_series(
    connection: sqlite3.Connection,
    question: Question,
    there: Extent,
    buckets: int,
    living: Iterable[Known],
    workers: list[Worker],
) -> Series:
    """Bytes known to the tracer of each worker (the rows) at each bucket's end; NaN before its life and after it."""
    width_s = (question.until - question.since) / buckets
    starts = bucket_starts(question.since, width_s, buckets)
    changed = _changed(connection, question, there, workers, buckets)
    last = _last(connection, workers, {known.id: known for known in living})
    # The change of a bucket is in its level already: only later ones are taken away.
    later = np.cumsum(changed[:, ::-1], axis=1)[:, ::-1] - changed
    levels = last[:, None] - later
    for row, worker in enumerate(workers):
        over = (starts + width_s <= worker.first_seen) | (starts > (worker.ended_at or np.inf))
        levels[row, over] = np.nan
    return Series(starts, width_s, list(workers), levels)


def _changed(
    connection: sqlite3.Connection, question: Question, there: Extent, workers: list[Worker], buckets: int
) -> Floats:
    rows = {worker.id: row for row, worker in enumerate(workers)}
    width_s = (question.until - question.since) / buckets
    changed = np.zeros((len(workers), buckets))
    for piece in cover(question.since, question.until, there, width_s):
        if piece.width_s == RAW:
            for taken_at, worker_id, growth in _by_report(connection, question, piece):
                changed[rows[worker_id], bucket_of(taken_at, question.since, width_s, buckets)] += growth
        else:
            told, at, grown = fleet.told_by_row(connection, question, piece, GROWN, workers, buckets)
            changed += np.bincount(told * buckets + at, grown, changed.size).reshape(changed.shape)
    return changed


def _by_report(connection: sqlite3.Connection, question: Question, piece: Piece) -> Iterator[tuple[float, int, int]]:
    rows = [row for row in rows_of(connection, question, piece, "sites") if row["kind"] == "change"]
    for row, changed in zip(rows, batch.decode([row["sites"] for row in rows]), strict=True):
        yield row["at"], row["worker_id"], _bytes(changed)


def _last(connection: sqlite3.Connection, workers: list[Worker], living: Mapping[int, Known]) -> Floats:
    """What each knew last; NaN for one whose tracer was off.

    An ended worker's levels stand in its checkpoint as long as its reports are kept, then only their sum.
    """
    ended = {worker.id: worker.tracer.get("traced_bytes") or 0 for worker in workers if worker.id not in living}
    sql = f"SELECT worker_id, sites FROM checkpoints WHERE worker_id IN ({records.AMONG})"  # noqa: S608 - our own text
    rows = connection.execute(sql, [records.listed(ended)])
    known = ended | {row["worker_id"]: _bytes(packed.decode(row["sites"])) for row in rows}
    for worker_id, one in living.items():
        traced = one.sites.traced()
        known[worker_id] = traced.bytes if traced else 0
    return np.array([known.get(worker.id, 0) or np.nan for worker in workers], dtype=np.float64)


def _bytes(rows: Columns) -> int:
    return int(rows.values["bytes"].sum()) if "bytes" in rows.values else 0
