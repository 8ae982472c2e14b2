"""One worker's life in memory: its levels now, and their floors in at most 128 buckets of its own intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Columns, Floats, Ints

MOST_BUCKETS = 128
MOST_WIDTH = 32  # reports in a bucket; after 4,096 reports (34 h of 30 s) the oldest buckets make room
FIRST_ROWS = 64
# Intervals until what a worker allocated at its start counts as surviving (the agent asks for blocks older than two):
# before, its base would seem to grow, in every short life anew.
SURVIVED = 3
SURVIVORS_FROM_S = 5.0  # between reports: at shorter intervals survivors are many intervals old, too late to tell
FREE = ("malloc_free_bytes", "pymalloc_free_bytes")  # vitals: what the allocators keep free is nobody's leak

Floors = NDArray[np.float32]


class Track:
    """Keeps what a worker's entries tell, entry by entry.

    Where the tracer tells survivors (blocks that outlived two intervals), floors are theirs: requests in flight, and
    what else comes and goes with the load, never gets so old.

    Attributes:
        worker_id: the store's id.
        interval_s: seconds between two reports.
        site_ids: shape (rows,): the store's site id of each of the worker's own numbers; `places` likewise.
        levels: shape (rows,): live bytes now; `survivors`, `variance` and `allocated`, which is bytes ever allocated,
            likewise; zeros until reported.
        used: buckets in use.
        ended: the worker has ended.
    """

    def __init__(self, worker_id: int, interval_s: float = 0.0) -> None:
        self.worker_id = worker_id
        self.interval_s = interval_s
        self.site_ids: Ints = np.zeros(0, dtype=np.int64)
        self.places: Ints = np.zeros(0, dtype=np.int64)
        self.levels: Ints = np.zeros(0, dtype=np.int64)
        self.survivors: Ints = np.zeros(0, dtype=np.int64)
        self.variance: Ints = np.zeros(0, dtype=np.int64)
        self.allocated: Ints = np.zeros(0, dtype=np.int64)
        self.tells_survivors = False
        self.ended = False
        self.used = 0
        self.width = 1
        self.last_at = 0.0
        self._in_last = 0
        self._seen: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self._served = 0
        self._floors: Floors = np.full((0, MOST_BUCKETS), np.nan, dtype=np.float32)
        self._age_s: Floats = np.zeros(MOST_BUCKETS)
        self._requests: Floats = np.zeros(MOST_BUCKETS)
        self._resident: Floats = np.full((2, MOST_BUCKETS), np.nan)
        self.vitals: dict[str, float | None] = {}

    @property
    def age_s(self) -> Floats:
        """Worker's age at the end of each bucket."""
        return self._age_s[: self.used]

    @property
    def requests(self) -> Floats:
        """Requests served by the end of each bucket."""
        return self._requests[: self.used]

    @property
    def resident(self) -> Floats:
        """Lowest resident set in each bucket, NaN where not told."""
        return self._resident[0, : self.used]

    @property
    def unexplained(self) -> Floats:
        """The same of what the resident set holds beyond traced memory and the allocators' free memory."""
        return self._resident[1, : self.used]

    @property
    def floors(self) -> Floors:
        """Lowest live bytes in each bucket, shape (rows, buckets); NaN before a row was first seen."""
        return self._floors[: len(self.site_ids), : self.used]

    @property
    def held_bytes(self) -> int:
        """Memory that the floors take."""
        return int(self._floors.nbytes)

    @property
    def settled(self) -> Ints:
        """What counts as live in floors, shape (rows,): survivors where they are told soon enough, else all."""
        return self.survivors if self._by_survivors else self.levels

    @property
    def _by_survivors(self) -> bool:
        return self.tells_survivors and self.interval_s >= SURVIVORS_FROM_S

    @property
    def noise(self) -> Floats:
        """Variance of `settled` that comes from the tracer's sampling, in bytes squared: shape (rows,)."""
        share = np.clip(self.settled / np.maximum(self.levels, 1), 0, 1)
        return np.asarray(np.maximum(self.variance, 0) * 1024.0**2 * share)

    def know(self, site_ids: Ints, places: Ints) -> None:
        """Learns the store's ids of the worker's numbers and their places, all from the first on."""
        new = len(site_ids) - len(self.site_ids)
        self.site_ids, self.places = site_ids, places
        self.levels, self.survivors, self.variance, self.allocated = (
            np.concatenate([old, np.zeros(new, dtype=np.int64)])
            for old in (self.levels, self.survivors, self.variance, self.allocated)
        )
        self._seen = np.concatenate([self._seen, np.zeros(new, dtype=np.bool_)])
        if len(site_ids) > len(self._floors):
            room = max(FIRST_ROWS, len(site_ids) * 5 // 4) - len(self._floors)
            empty = np.full((room, self._floors.shape[1]), np.nan, dtype=np.float32)
            self._floors = np.concatenate([self._floors, empty])

    def add(
        self,
        changes: Columns,
        *,
        at: float,
        age_s: float,
        requests: int,
        looked: bool,
        vitals: Mapping[str, float | None],
    ) -> None:
        """Adds one entry's changes; one that didn't look at the sites changes no floor."""
        self.last_at = max(self.last_at, at)
        self._served += max(requests, 0)
        self.vitals = {**self.vitals, **{name: value for name, value in vitals.items() if value is not None}}
        for name, levels in (
            ("bytes", self.levels),
            ("survivor_bytes", self.survivors),
            ("variance_kib2", self.variance),
            ("allocated_bytes", self.allocated),
        ):
            if name in changes.values:
                levels[changes.ids] += changes.values[name]
        self.tells_survivors = self.tells_survivors or "survivor_bytes" in changes.values
        self._seen[changes.ids] = True
        if looked:
            self._point(age_s, vitals.get("rss_bytes"))

    def close(self) -> None:
        """The worker has ended: keeps no more room than its floors need."""
        self.ended = True
        self._floors = self.floors.copy()
        self._age_s, self._requests = self.age_s.copy(), self.requests.copy()
        self._resident = self._resident[:, : self.used].copy()

    def _point(self, age_s: float, rss_bytes: float | None) -> None:
        if self.used and self._in_last < self.width:
            self._in_last += 1
        else:
            self._open_bucket()
        column, rows = self.used - 1, len(self.site_ids)
        unsettled = self._by_survivors and age_s < (SURVIVED - 0.1) * self.interval_s
        level = np.where(self._seen & (not unsettled), self.settled, np.nan).astype(np.float32)
        self._floors[:rows, column] = np.fmin(self._floors[:rows, column], level)
        self._age_s[column], self._requests[column] = max(age_s, 0.0), self._served
        if rss_bytes is not None:
            free = sum(self.vitals.get(name) or 0.0 for name in FREE)
            told = np.array([rss_bytes, rss_bytes - free - float(self.levels.sum())])
            self._resident[:, column] = np.fmin(self._resident[:, column], told)

    def _open_bucket(self) -> None:
        if self._floors.shape[1] < MOST_BUCKETS:  # it had ended, and is alive again after all
            self._widen()
        if self.used == MOST_BUCKETS:
            if self.width < MOST_WIDTH:
                self._merge_pairs()
            else:
                self._drop_older_half()
        self.used, self._in_last = self.used + 1, 1

    def _widen(self) -> None:
        missing = MOST_BUCKETS - self._floors.shape[1]
        empty = np.full((len(self._floors), missing), np.nan, dtype=np.float32)
        self._floors = np.concatenate([self._floors, empty], axis=1)
        self._age_s = np.concatenate([self._age_s, np.zeros(missing)])
        self._requests = np.concatenate([self._requests, np.zeros(missing)])
        self._resident = np.concatenate([self._resident, np.full((2, missing), np.nan)], axis=1)

    def _merge_pairs(self) -> None:
        half = MOST_BUCKETS // 2
        self._floors[:, :half] = np.fmin(self._floors[:, 0::2], self._floors[:, 1::2])
        self._age_s[:half], self._requests[:half] = self._age_s[1::2].copy(), self._requests[1::2].copy()
        self._resident[:, :half] = np.fmin(self._resident[:, 0::2], self._resident[:, 1::2])
        self._free(half)
        self.width *= 2

    def _drop_older_half(self) -> None:
        half = MOST_BUCKETS // 2
        self._floors[:, :half] = self._floors[:, half:].copy()
        self._age_s[:half], self._requests[:half] = self._age_s[half:].copy(), self._requests[half:].copy()
        self._resident[:, :half] = self._resident[:, half:].copy()
        self._free(half)

    def _free(self, first: int) -> None:
        self._floors[:, first:] = np.nan
        self._resident[:, first:] = np.nan
        self.used = first
