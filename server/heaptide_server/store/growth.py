"""Questions about growth: sums of changes over workers and any mix of bucket sizes."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from heaptide_server.model import Columns, Floats, Ints, Only, Series
from heaptide_server.store import batch
from heaptide_server.store.cover import RAW, WIDTHS, Extent, Piece, cover
from heaptide_server.store.known import Known, Maps
from heaptide_server.store.totals import SiteSums

Blob = Literal["sites", "types"]


@dataclass(frozen=True)
class Question:
    """Which workers, and when: a service, one or all (None) of its environments, a window of time; perhaps not all."""

    service: str
    environment: str | None
    since: float
    until: float
    only: Only = field(default_factory=Only)

    @property
    def workers(self) -> tuple[str, list[object]]:
        """SQL for the ids of the workers that were seen in the window, and its values."""
        values: list[object] = [self.service, self.environment, self.environment, self.since, self.until]
        where = "service = ? AND (? IS NULL OR environment = ?) AND last_seen >= ? AND first_seen < ?"
        for name, value in vars(self.only).items():
            if value is not None:
                where += f" AND {name} = ?"
                values.append(value)
        return f"SELECT id FROM workers WHERE {where}", values  # noqa: S608 - our own text


@dataclass(frozen=True)
class _Told:
    """Growth at one time, by the store's site ids."""

    at: float
    site_ids: Ints
    bytes: Ints
    blocks: Ints


def extent(connection: sqlite3.Connection, now: float) -> Extent:
    """What of each width there is: buckets touched since they were made, and all later ones, aren't there."""
    rolled: dict[int, float] = {}
    before = now
    for width in WIDTHS:
        touched = connection.execute("SELECT min(start) FROM touched WHERE width_s = ?", [width]).fetchone()[0]
        before = min(before // width * width, before if touched is None else touched)
        rolled[width] = before
    kept = dict.fromkeys((RAW, *WIDTHS), -math.inf)
    kept |= {row["width_s"]: row["before"] for row in connection.execute("SELECT width_s, before FROM kept")}
    return Extent(rolled, kept)


def growth_by_site(connection: sqlite3.Connection, question: Question, there: Extent) -> tuple[dict[int, int], ...]:
    """Growth in bytes and in blocks per site of the store."""
    in_bytes, in_blocks = SiteSums(), SiteSums()
    for told in _told(connection, question, there, WIDTHS[-1]):
        in_bytes.add(told.site_ids, told.bytes)
        in_blocks.add(told.site_ids, told.blocks)
    return in_bytes.sums(), in_blocks.sums()


def growth_series(
    connection: sqlite3.Connection, question: Question, there: Extent, site_ids: Sequence[int], buckets: int
) -> Series:
    """Growth in bytes per site (the rows) and bucket."""
    width_s = (question.until - question.since) / buckets
    values = np.zeros((len(site_ids), buckets))
    rows_by_site = {site: row for row, site in enumerate(site_ids)}
    for told in _told(connection, question, there, width_s):
        bucket = bucket_of(told.at, question.since, width_s, buckets)
        where = np.isin(told.site_ids, list(site_ids))
        for site, change in zip(told.site_ids[where], told.bytes[where], strict=True):
            values[rows_by_site[int(site)], bucket] += change
    return Series(bucket_starts(question.since, width_s, buckets), width_s, list(site_ids), values)


def _told(connection: sqlite3.Connection, question: Question, there: Extent, widest_s: float) -> Iterator[_Told]:
    """Growth of a window by site, from each worker's own buckets and reports."""
    maps = Maps(connection)
    for piece in cover(question.since, question.until, there, widest_s):
        rows = [row for row in rows_of(connection, question, piece, "sites") if row["kind"] == "change"]
        for row, changed in zip(rows, batch.decode([row["sites"] for row in rows]), strict=True):
            sites = maps.of(row["worker_id"])[changed.ids]
            yield _Told(row["at"], sites, _column(changed, "bytes"), _column(changed, "blocks"))


def _column(rows: Columns, name: str) -> Ints:
    return rows.values[name] if name in rows.values else np.zeros(len(rows.ids), np.int64)


def bucket_starts(since: float, width_s: float, buckets: int) -> Floats:
    """When each bucket begins."""
    starts: Floats = since + width_s * np.arange(buckets, dtype=np.float64)
    return starts


def bucket_of(at: float, since: float, width_s: float, buckets: int) -> int:
    """The bucket of a time; what begins before the window, at a coarse edge, belongs to the first."""
    return min(max(int((at - since) / width_s), 0), buckets - 1)


def live_by_site(known: Iterable[Known], column: str) -> dict[int, int] | None:
    """Live bytes (or another column) per site over living workers; None where no worker reports it."""
    sums = SiteSums()
    told = False
    for worker in known:
        if column in worker.sites.values:
            told = True
            sums.add(worker.site_ids, worker.sites.values[column])
    return sums.sums() if told else None


def rows_of(connection: sqlite3.Connection, question: Question, piece: Piece, blob: Blob) -> Iterator[sqlite3.Row]:
    """Rows (worker_id, kind, at, vitals, and sites or types) that tell of a piece, each change once.

    Starts are among them, whose levels are where growth begins from.
    """
    workers, values = question.workers
    if piece.width_s == RAW:
        sql = (
            f"SELECT worker_id, kind, at, vitals, {blob} FROM entries WHERE worker_id IN ({workers}) "  # noqa: S608
            "AND kind <> 'end' AND at >= ? AND at < ?"
        )
        return connection.execute(sql, [*values, piece.since, piece.until])
    sql = (
        f"SELECT worker_id, 'change' AS kind, start AS at, vitals, {blob} FROM rollups "  # noqa: S608 - our own texts
        f"WHERE worker_id IN ({workers}) AND width_s = ? AND start >= ? AND start < ?"
    )
    return connection.execute(sql, [*values, piece.width_s, piece.since, piece.until])
