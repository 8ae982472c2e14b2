"""Questions about releases and lives: which there were, and what one site grew by in each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np

from heaptide_server.model import LifeTurnover, ReleaseSeen, ReleaseTurnover
from heaptide_server.store import batch, records, turnover
from heaptide_server.store.cover import DAY, HOUR, RAW, Extent, Piece, cover
from heaptide_server.store.growth import Question
from heaptide_server.store.known import number_ids

_Key = tuple[str, str | None]


def releases(connection: sqlite3.Connection, service: str, environment: str | None, since: float) -> list[ReleaseSeen]:
    """Releases whose workers were seen since then, the one that began last first."""
    rows = connection.execute(
        "SELECT environment, release, min(first_seen) AS first_seen, max(last_seen) AS last_seen, count(*) AS workers "
        "FROM workers WHERE service = ? AND last_seen >= ? AND (? IS NULL OR environment = ?) "
        "GROUP BY environment, release ORDER BY min(first_seen) DESC",
        [service, since, environment, environment],
    )
    return [ReleaseSeen(**dict(row)) for row in rows]


def site_by_release(
    connection: sqlite3.Connection, service: str, site_id: int, there: Extent, since: float, until: float
) -> list[ReleaseTurnover]:
    """What a site grew by in each release and environment, in the order of `releases`."""
    grown = _grown(connection, service, site_id, there, since, until)
    lived = _lived(connection, service, there, since, until)
    return [
        ReleaseTurnover(
            seen, grown.get((seen.environment, seen.release), 0), *lived.get((seen.environment, seen.release), (0.0, 0))
        )
        for seen in releases(connection, service, None, since)
    ]


def _grown(
    connection: sqlite3.Connection, service: str, site_id: int, there: Extent, since: float, until: float
) -> dict[_Key, int]:
    """Whole hours stand in the totals, a row a site; what came after them is read from the changes."""
    begins = min(there.rolled[HOUR], until)
    rows = connection.execute(
        "SELECT environment, release, sum(growth_bytes) AS grown FROM totals "
        "WHERE site_id = ? AND service = ? AND hour >= ? AND hour < ? GROUP BY environment, release",
        [site_id, service, since, begins],
    )
    sums: dict[_Key, int] = {(row["environment"], row["release"]): row["grown"] for row in rows}
    asked = Question(service, None, begins, until)
    for part in turnover.parts(connection, asked, there, HOUR / 2):
        if "bytes" in part.changes.values:
            own = int(part.changes.values["bytes"][part.changes.ids == site_id].sum())
            key = part.environment, part.release
            sums[key] = sums.get(key, 0) + own
    return sums


def _lived(
    connection: sqlite3.Connection, service: str, there: Extent, since: float, until: float
) -> dict[_Key, tuple[float, int]]:
    """Seconds of workers' lives, and requests."""
    sums: dict[_Key, tuple[float, int]] = {}
    for piece in cover(since, until, there):
        for row in _bucket_sums(connection, service, piece):
            key = row["environment"], row["release"]
            before = sums.get(key, (0.0, 0))
            sums[key] = before[0] + row["elapsed_s"], before[1] + row["requests"]
    return sums


def _bucket_sums(connection: sqlite3.Connection, service: str, piece: Piece) -> Iterator[sqlite3.Row]:
    if piece.width_s == RAW:
        sql = (
            "SELECT environment, release, sum(elapsed_s) AS elapsed_s, sum(entries.requests) AS requests "
            "FROM workers CROSS JOIN entries ON entries.worker_id = workers.id WHERE service = ? AND last_seen >= ? "
            "AND kind = 'change' AND at >= ? AND at < ? GROUP BY environment, release"
        )
        return connection.execute(sql, [service, piece.since, piece.since, piece.until])
    sql = (
        "SELECT environment, release, sum(elapsed_s) AS elapsed_s, sum(requests) AS requests FROM fleet "
        "WHERE service = ? AND width_s = ? AND start >= ? AND start < ? GROUP BY environment, release"
    )
    return connection.execute(sql, [service, piece.width_s, piece.since, piece.until])


def site_by_life(
    connection: sqlite3.Connection, worker_ids: Sequence[int], site_id: int, there: Extent, since: float, until: float
) -> dict[int, LifeTurnover]:
    """What a site grew by in each of these workers' lives, by the store's worker id."""
    found = {worker: LifeTurnover(0, 0.0, 0) for worker in worker_ids}
    own = {worker: np.flatnonzero(number_ids(connection, worker, "site") == site_id) for worker in worker_ids}
    for piece in cover(since, until, there, DAY):
        rows = _of_workers(connection, worker_ids, piece)
        for row, changed in zip(rows, batch.decode([row["sites"] for row in rows]), strict=True):
            worker, before = row["worker_id"], found[row["worker_id"]]
            growth = changed.values.get("bytes", changed.ids * 0)[np.isin(changed.ids, own[worker])]
            found[worker] = LifeTurnover(
                before.growth_bytes + int(growth.sum()),
                before.lived_s + row["elapsed_s"],
                before.requests + row["requests"],
            )
    return found


def _of_workers(connection: sqlite3.Connection, worker_ids: Sequence[int], piece: Piece) -> list[sqlite3.Row]:
    among, listed = f"worker_id IN ({records.AMONG})", records.listed(worker_ids)
    if piece.width_s == RAW:
        sql = f"SELECT * FROM entries WHERE {among} AND kind = 'change' AND at >= ? AND at < ?"  # noqa: S608
        return connection.execute(sql, [listed, piece.since, piece.until]).fetchall()
    sql = f"SELECT * FROM rollups WHERE {among} AND width_s = ? AND start >= ? AND start < ?"  # noqa: S608
    return connection.execute(sql, [listed, piece.width_s, piece.since, piece.until]).fetchall()
