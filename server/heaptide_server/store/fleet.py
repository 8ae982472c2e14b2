"""Questions about services and their workers."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

import numpy as np

from heaptide.wire import VITALS
from heaptide_server.model import Event, Floats, Holding, Ints, Series, ServiceSummary, Worker
from heaptide_server.store import told_in_buckets
from heaptide_server.store.cover import RAW, Extent, Piece, cover
from heaptide_server.store.growth import Question, bucket_of, bucket_starts
from heaptide_server.store.known import Known


def services(connection: sqlite3.Connection, live: Iterable[Known]) -> list[ServiceSummary]:
    """Services by name and environment; what they use is summed over living workers."""
    living: dict[tuple[str, str], list[Known]] = {}
    for known in live:
        living.setdefault((known.identity.service, known.identity.environment), []).append(known)
    # With max(), SQLite takes the release from the row that has the maximum.
    rows = connection.execute(
        "SELECT service, environment, release, max(last_seen) AS last_seen FROM workers "
        "GROUP BY service, environment ORDER BY service, environment"
    ).fetchall()
    return [
        ServiceSummary(
            service=row["service"],
            environment=row["environment"],
            workers=len(living.get((row["service"], row["environment"]), [])),
            rss_bytes=_rss(living.get((row["service"], row["environment"]), [])),
            limit_bytes=_limit(living.get((row["service"], row["environment"]), [])),
            release=row["release"],
            last_seen=row["last_seen"],
        )
        for row in rows
    ]


def vitals_series(
    connection: sqlite3.Connection, question: Question, there: Extent, vital: str, buckets: int, rows: list[Worker]
) -> Series:
    """Mean of a vital per worker of the question (the rows) and bucket, NaN where nothing was reported."""
    width_s = (question.until - question.since) / buckets
    row_by_id = {worker.id: row for row, worker in enumerate(rows)}
    sums, counts = np.zeros((len(rows), buckets)), np.zeros((len(rows), buckets))
    for piece in cover(question.since, question.until, there, width_s):
        if piece.width_s != RAW:
            _add_told(connection, question, piece, vital, rows, sums, counts)
            continue
        for worker_id, at, total, known in _vital_sums(connection, question, piece, VITALS.index(vital), width_s):
            cell = row_by_id[worker_id], bucket_of(at, question.since, width_s, buckets)
            sums[cell] += total
            counts[cell] += known
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return Series(bucket_starts(question.since, width_s, buckets), width_s, list(rows), means)


def _add_told(
    connection: sqlite3.Connection,
    question: Question,
    piece: Piece,
    vital: str,
    workers: list[Worker],
    sums: Floats,
    counts: Floats,
) -> None:
    """Adds what workers told in closed buckets, which stands together for all workers of a service."""
    rows, buckets, values = told_by_row(connection, question, piece, vital, workers, sums.shape[1])
    cells = rows * sums.shape[1] + buckets
    sums += np.bincount(cells, values, sums.size).reshape(sums.shape)
    counts += np.bincount(cells, minlength=sums.size).reshape(sums.shape)


def told_by_row(
    connection: sqlite3.Connection, question: Question, piece: Piece, name: str, workers: list[Worker], buckets: int
) -> tuple[Ints, Ints, Floats]:
    """What these workers told in the store's buckets: the worker's place, the chart's bucket that it lies in, value."""
    wanted = np.array([worker.id for worker in workers], np.int64)
    told = told_in_buckets.read(connection, question.service, question.environment, name, piece)
    if not len(wanted):
        return wanted, wanted, np.zeros(0)
    order = np.argsort(wanted)
    rows = order[np.searchsorted(wanted, told.workers, sorter=order).clip(max=len(wanted) - 1)]
    width_s = (question.until - question.since) / buckets
    # As `bucket_of`, for all at once.
    at = ((told.starts - question.since) / width_s).astype(np.int64).clip(0, buckets - 1)
    found = wanted[rows] == told.workers
    return rows[found], at[found], told.values[found]


def _vital_sums(
    connection: sqlite3.Connection, question: Question, piece: Piece, index: int, width_s: float
) -> Iterator[tuple[int, float, float, int]]:
    """Worker, a time in its bucket, sum and number of known values. SQLite adds up: a row a report is too many."""
    ids, values = question.workers
    rows = connection.execute(
        f"SELECT worker_id, min(at), total(value), count(value) FROM (SELECT worker_id, at, "  # noqa: S608
        f"json_extract(vitals, '$[{index:d}]') AS value FROM entries WHERE worker_id IN ({ids}) AND kind <> 'end' "
        f"AND at >= ? AND at < ?) GROUP BY worker_id, CAST((at - ?) / ? AS INTEGER)",
        [*values, piece.since, piece.until, question.since, width_s],
    )
    yield from (tuple(row) for row in rows)


def holding(worker: Worker, known: Known) -> Holding:
    """What a living worker holds, sites that hold nothing left out."""
    held = known.sites.values["bytes"]
    numbers = np.flatnonzero(held > 0)
    return Holding(worker, numbers, known.site_ids[numbers], held[numbers])


def add_event(connection: sqlite3.Connection, event: Event) -> None:
    """Stores an event."""
    connection.execute(
        "INSERT INTO events (at, kind, service, environment, release, text) VALUES (?, ?, ?, ?, ?, ?)",
        [event.at, event.kind, event.service, event.environment, event.release, event.text],
    )


def events(connection: sqlite3.Connection, question: Question) -> list[Event]:
    """Events in the window, by time."""
    rows = connection.execute(
        "SELECT at, kind, service, environment, release, text FROM events WHERE service = ? "
        "AND (? IS NULL OR environment IS NULL OR environment = ?) AND at >= ? AND at < ? ORDER BY at, id",
        [question.service, question.environment, question.environment, question.since, question.until],
    )
    return [Event(**dict(row)) for row in rows]


def _rss(living: list[Known]) -> int | None:
    known = [worker.vitals.get("rss_bytes") for worker in living]
    told = [value for value in known if value is not None]
    return int(sum(told)) if told else None


def _limit(living: list[Known]) -> int | None:
    """Workers of one host share its limit; hosts add up, as their resident sets do."""
    by_host: dict[str, float] = {}
    for worker in living:
        limit = worker.vitals.get("limit_bytes")
        if limit is not None:
            by_host[worker.identity.host] = max(limit, by_host.get(worker.identity.host, 0))
    return int(sum(by_host.values())) if by_host else None
