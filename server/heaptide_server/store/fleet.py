"""Questions about services and their workers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

import numpy as np

from heaptide.wire import VITALS
from heaptide_server.model import Event, Holding, Series, ServiceSummary, Worker
from heaptide_server.store import records
from heaptide_server.store.cover import Extent
from heaptide_server.store.growth import Question, bucket_of, bucket_starts, pieces
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


def workers(connection: sqlite3.Connection, question: Question) -> list[Worker]:
    """Workers seen in the window, by environment, host, slot and generation."""
    ids, values = question.workers
    sql = f"SELECT * FROM workers WHERE id IN ({ids}) ORDER BY environment, host, slot, generation"  # noqa: S608
    return [records.worker(row) for row in connection.execute(sql, values)]


def vitals_series(
    connection: sqlite3.Connection, question: Question, there: Extent, vital: str, buckets: int
) -> Series:
    """Mean of a vital per worker (the rows) and bucket, NaN where nothing was reported."""
    index = VITALS.index(vital)
    width_s = (question.until - question.since) / buckets
    rows = workers(connection, question)
    row_by_id = {worker.id: row for row, worker in enumerate(rows)}
    sums, counts = np.zeros((len(rows), buckets)), np.zeros((len(rows), buckets))
    for piece in pieces(connection, question, there, width_s):
        values = json.loads(piece["vitals"])
        if index < len(values) and values[index] is not None:
            cell = row_by_id[piece["worker_id"]], bucket_of(piece["at"], question.since, width_s, buckets)
            sums[cell] += values[index]
            counts[cell] += 1
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return Series(bucket_starts(question.since, width_s, buckets), width_s, list(rows), means)


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
