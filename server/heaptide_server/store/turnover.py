"""What came and went per site, of all workers or of one release's: sums over any window."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from heaptide_server.model import Columns, Ints, Series, SiteTurnover, Turnover
from heaptide_server.store import batch, fleetwide, growth
from heaptide_server.store.cover import DAY, HOUR, RAW, Extent, Piece, cover
from heaptide_server.store.growth import Question, bucket_of, bucket_starts
from heaptide_server.store.known import Maps
from heaptide_server.store.totals import SiteSums


@dataclass(frozen=True)
class Part:
    """Changes of several sites of the store within one bucket or report."""

    at: float
    environment: str
    release: str | None
    elapsed_s: float
    requests: int
    changes: Columns


def parts(connection: sqlite3.Connection, asked: Question, there: Extent, widest_s: float) -> Iterator[Part]:
    """The changes in the window, each once; those of a bucket or report together."""
    for piece in cover(asked.since, asked.until, there, widest_s):
        yield from (_raw if piece.width_s == RAW else _rolled)(connection, asked, piece)


def growth_by_site(connection: sqlite3.Connection, asked: Question, there: Extent) -> tuple[dict[int, int], ...]:
    """Growth in bytes and in blocks per site of the store; of one worker slot, by summing each life's buckets."""
    if asked.only.slot is not None:
        return growth.growth_by_site(connection, asked, there)
    in_bytes, in_blocks = SiteSums(), SiteSums()
    for part in parts(connection, asked, there, DAY):
        for sums, name in ((in_bytes, "bytes"), (in_blocks, "blocks")):
            if name in part.changes.values:
                sums.add(part.changes.ids, part.changes.values[name])
    return in_bytes.sums(), in_blocks.sums()


def growth_series(
    connection: sqlite3.Connection,
    asked: Question,
    there: Extent,
    site_ids: Sequence[int],
    buckets: int,
) -> Series:
    """Growth in bytes per site (the rows) and bucket; of one worker slot likewise."""
    if asked.only.slot is not None:
        return growth.growth_series(connection, asked, there, site_ids, buckets)
    width_s = (asked.until - asked.since) / buckets
    values = np.zeros((len(site_ids), buckets))
    wanted = np.array(site_ids, np.int64)
    order = np.argsort(wanted)
    for at, changes in _site_changes(connection, asked, there, site_ids, width_s) if site_ids else ():
        where = np.searchsorted(wanted, changes.ids, sorter=order).clip(max=len(wanted) - 1)
        found = wanted[order[where]] == changes.ids
        bucket = bucket_of(at, asked.since, width_s, buckets)
        np.add.at(values[:, bucket], order[where[found]], _column(changes, "bytes")[found])
    return Series(bucket_starts(asked.since, width_s, buckets), width_s, list(site_ids), values)


def _site_changes(
    connection: sqlite3.Connection, asked: Question, there: Extent, site_ids: Sequence[int], widest_s: float
) -> Iterator[tuple[float, Columns]]:
    """Times and changes in bytes, of these sites at least: hours stand in the totals, a row a site."""
    for piece in cover(asked.since, asked.until, there, widest_s):
        if piece.width_s == HOUR:
            yield from _hours(connection, asked, piece, site_ids)
        else:
            told = (_raw if piece.width_s == RAW else _rolled)(connection, asked, piece)
            yield from ((part.at, part.changes) for part in told)


def _hours(
    connection: sqlite3.Connection, asked: Question, piece: Piece, site_ids: Sequence[int]
) -> Iterator[tuple[float, Columns]]:
    sql = (
        "SELECT hour, growth_bytes FROM totals WHERE site_id = ? AND hour >= ? AND hour < ? AND service = ? "
        "AND (? IS NULL OR environment = ?) AND (? IS NULL OR release = ?)"
    )
    for site in site_ids:
        asked_for = [site, piece.since, piece.until, asked.service, *_narrowed(asked)]
        for row in connection.execute(sql, asked_for):
            yield row["hour"], Columns(np.array([site]), {"bytes": np.array([row["growth_bytes"]])})


def turnover(
    connection: sqlite3.Connection, asked: Question, there: Extent, widest_s: float, releases: Sequence[str | None] = ()
) -> Turnover:
    """What came and went per site.

    Args:
        releases: of these alone; none means all.
    """
    worker_s, requests, told = 0.0, 0, []
    for part in parts(connection, asked, there, widest_s):
        if not releases or part.release in releases:
            worker_s, requests = worker_s + part.elapsed_s, requests + part.requests
            told.append(part.changes)
    return Turnover(worker_s, requests, _by_site(told))


def _by_site(told: Sequence[Columns]) -> dict[int, SiteTurnover]:
    """Where a tracer counts what is allocated, that came; else what a bucket gained did, and what it lost went."""
    if not told:
        return {}
    ids = np.concatenate([part.ids for part in told])
    # By id, because sorting them takes longer: the store counts its sites from 1.
    net, new, seen = (np.zeros(int(ids.max(initial=0)) + 1, np.int64) for _ in range(3))
    np.add.at(net, ids, np.concatenate([_column(part, "bytes") for part in told]))
    np.add.at(new, ids, np.concatenate([_came(part) for part in told]))
    seen[ids] = 1
    sites = np.flatnonzero(seen)
    columns = net[sites].tolist(), new[sites].tolist(), (new - net)[sites].tolist()
    return dict(zip(sites.tolist(), map(SiteTurnover, *columns), strict=True))


def _came(part: Columns) -> Ints:
    gained = np.maximum(_column(part, "bytes"), 0)
    return np.maximum(_column(part, "allocated_bytes"), gained)


def _column(part: Columns, name: str) -> Ints:
    return part.values[name] if name in part.values else np.zeros_like(part.ids)


def _narrowed(asked: Question) -> tuple[str | None, ...]:
    return asked.environment, asked.environment, asked.only.release, asked.only.release


def _rolled(connection: sqlite3.Connection, asked: Question, piece: Piece) -> Iterator[Part]:
    rows = connection.execute(
        "SELECT start, environment, release, elapsed_s, requests, sites FROM fleet WHERE service = ? AND width_s = ? "
        "AND start >= ? AND start < ? AND (? IS NULL OR environment = ?) AND (? IS NULL OR release = ?)",
        [asked.service, piece.width_s, piece.since, piece.until, *_narrowed(asked)],
    )
    for row in rows:
        changes = fleetwide.decode(row["sites"])
        yield Part(row["start"], row["environment"], row["release"], row["elapsed_s"], row["requests"], changes)


def _raw(connection: sqlite3.Connection, asked: Question, piece: Piece) -> Iterator[Part]:
    rows = connection.execute(
        "SELECT entries.worker_id AS worker_id, environment, release, at, elapsed_s, "
        "entries.requests AS requests, sites "
        "FROM workers CROSS JOIN entries ON entries.worker_id = workers.id "
        "WHERE service = ? AND (? IS NULL OR environment = ?) AND (? IS NULL OR release = ?) "
        "AND last_seen >= ? AND first_seen < ? AND kind = 'change' AND at >= ? AND at < ?",
        [asked.service, *_narrowed(asked), *(piece.since, piece.until) * 2],
    ).fetchall()
    maps = Maps(connection)
    maps.read(row["worker_id"] for row in rows)
    for row, changed in zip(rows, batch.decode([row["sites"] for row in rows]), strict=True):
        changes = Columns(maps.of(row["worker_id"])[changed.ids], changed.values)
        yield Part(row["at"], row["environment"], row["release"], row["elapsed_s"], row["requests"], changes)
