"""What closed buckets came to, over all workers of a question: remembered, since a closed bucket hardly changes."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np

from heaptide_server.model import Columns, Ints, Only
from heaptide_server.store import packed
from heaptide_server.store.cover import Piece
from heaptide_server.store.known import Maps

# Six hours of five minutes with 5,000 changed sites in each take 9 MB: some services' pages fit at once.
BUDGET_BYTES = 64 << 20

# How a bucket is recognised as the same: each change that a late report adds has its own time and requests.
_Version = tuple[int, int, float, int]
_Key = tuple[str, str | None, Only, int, float]


@dataclass(frozen=True)
class BucketSums:
    """One bucket: growth by the store's site id, and by worker over all its sites."""

    site_ids: Ints
    bytes: Ints
    blocks: Ints
    worker_ids: Ints
    worker_bytes: Ints

    @property
    def held_bytes(self) -> int:
        """What it takes in memory."""
        arrays = (self.site_ids, self.bytes, self.blocks, self.worker_ids, self.worker_bytes)
        return sum(array.nbytes for array in arrays)


class Sums:
    """Remembers sums of closed buckets, those asked for last. Safe to use from any thread.

    Args:
        budget_bytes: what they may take.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._held_bytes = 0
        self._kept: OrderedDict[_Key, tuple[_Version, BucketSums]] = OrderedDict()
        self._lock = Lock()

    def of(
        self,
        connection: sqlite3.Connection,
        workers: tuple[str, list[object]],
        whom: tuple[str, str | None, Only],
        piece: Piece,
    ) -> Iterator[tuple[float, BucketSums]]:
        """The start and the sums of each bucket of a piece, in the order of time.

        Args:
            workers: SQL for the workers' ids, and its values.
            whom: the service, environment and narrowing that the workers were chosen by.
        """
        where, values = f"worker_id IN ({workers[0]}) AND width_s = ? AND start", [*workers[1], piece.width_s]
        versions = connection.execute(
            f"SELECT start, count(*), max(id), total(elapsed_s), sum(requests) FROM rollups "  # noqa: S608 - our own texts
            f"WHERE {where} >= ? AND start < ? GROUP BY start ORDER BY start",
            [*values, piece.since, piece.until],
        ).fetchall()
        maps = Maps(connection)
        for start, *version in versions:
            key = (*whom, piece.width_s, start)
            found = self._find(key, tuple(version))
            if found is None:
                sql = f"SELECT worker_id, sites FROM rollups WHERE {where} = ?"  # noqa: S608 - our own texts
                found = _summed(maps, connection.execute(sql, [*values, start]).fetchall())
                self._keep(key, tuple(version), found)
            yield start, found

    def _find(self, key: _Key, version: tuple[object, ...]) -> BucketSums | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != version:
                return None
            self._kept.move_to_end(key)
            return kept[1]

    def _keep(self, key: _Key, version: _Version, sums: BucketSums) -> None:
        with self._lock:
            if key in self._kept:
                self._held_bytes -= self._kept.pop(key)[1].held_bytes
            self._kept[key] = version, sums
            self._held_bytes += sums.held_bytes
            while self._held_bytes > self._budget_bytes:
                self._held_bytes -= self._kept.popitem(last=False)[1][1].held_bytes


def _summed(maps: Maps, rows: list[sqlite3.Row]) -> BucketSums:
    decoded = [(row["worker_id"], packed.decode(row["sites"])) for row in rows]
    ids = [maps.of(worker_id)[columns.ids] for worker_id, columns in decoded]
    sites, where = np.unique(np.concatenate([*ids, np.zeros(0, np.int64)]), return_inverse=True)
    table = {name: np.zeros(len(sites), np.int64) for name in ("bytes", "blocks")}
    for name, sums in table.items():
        np.add.at(sums, where, np.concatenate([*(column(one, name) for _, one in decoded), np.zeros(0, np.int64)]))
    return BucketSums(
        sites,
        table["bytes"],
        table["blocks"],
        np.array([worker_id for worker_id, _ in decoded], np.int64),
        np.array([int(column(one, "bytes").sum()) for _, one in decoded], np.int64),
    )


def column(rows: Columns, name: str) -> Ints:
    """A column of unpacked rows, zeros where the worker doesn't report it."""
    return rows.values[name] if name in rows.values else np.zeros(len(rows.ids), np.int64)
