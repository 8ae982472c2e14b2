"""A service's day as the store would hand it to the trend job: packed entries in their order, without a disk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import numpy as np
from tests.bench.detection.fleet import Service
from tests.bench.detection.parts import MIB, Life
from tests.bench.detection.sampling import Estimates, observe

from heaptide.wire import VITALS
from heaptide_server.model import Columns, Floats, Frame, Ints, Site, Stored, Worker, WorkerIdentity
from heaptide_server.store import packed

INTERVAL_S = 120.0
T0 = 1_700_000_000.0
BASE_RSS = 90 * MIB
LIMIT = 4096 * MIB
NONE = packed.encode(Columns(np.zeros(0, np.int64), {}))


class DayStore:
    """Answers what `Watch` asks of a store, for entries up to the `interval` that the day has come to.

    Attributes:
        estimates: by worker id, what its tracer saw.
    """

    def __init__(self, service: Service, sample_bytes: float) -> None:
        rng = np.random.default_rng([service.seed, len(service.name), 99])
        self.sample_bytes = sample_bytes
        self._service = service
        self._blocks = np.exp(rng.uniform(np.log(64), np.log(8192), len(service.rows)))
        self.estimates = {life.worker_id: self._observed(life, sample_bytes) for life in service.lives}
        self._workers = {life.worker_id: _worker(service.name, life) for life in service.lives}
        self._lives = {life.worker_id: life for life in service.lives}
        self._releases = sorted({life.release for life in service.lives})
        entries = [entry for life in service.lives for entry in self._entries(life)]
        entries.sort(key=lambda entry: (entry.at, entry.kind == "end"))
        self._entries_ = [Stored(**{**vars(e), "id": number}) for number, e in enumerate(entries, 1)]
        self._times = [entry.at for entry in self._entries_]
        self.now = T0

    def stored_after(self, entry_id: int, limit: int) -> list[Stored]:
        """Entries that have come in by now."""
        return self._entries_[entry_id : min(entry_id + limit, bisect_right(self._times, self.now))]

    def workers_by_id(self, ids: Iterable[int]) -> dict[int, Worker]:
        """Workers."""
        return {number: self._workers[number] for number in ids}

    def site_map(self, worker_id: int) -> list[int]:
        """Site ids: each release has its own lines."""
        release = self._releases.index(self._lives[worker_id].release)
        return [1 + row + release * len(self._service.rows) for row in range(len(self._service.rows))]

    def type_map(self, worker_id: int) -> list[str]:
        """No types are told."""
        return []

    def sites(self, ids: Iterable[int]) -> dict[int, Site]:
        """A site is a function of its own in a file of its shape."""
        return {number: self._site(number) for number in ids}

    def true_levels(self) -> Floats:
        """Live bytes of each row over all workers of a day without restarts, whatever a tracer sees of them."""
        return np.sum([self._observed(life, 0.0).bytes for life in self._service.lives], axis=0)

    def _site(self, number: int) -> Site:
        release, row = divmod(number - 1, len(self._service.rows))
        return Site(number, (Frame(f"row{row}.py", "keep", 10 + release, True),))

    def _observed(self, life: Life, sample_bytes: float) -> Estimates:
        parts = [
            row.make(np.random.default_rng([self._service.seed, life.worker_id, index]), row.draw, life)
            for index, row in enumerate(self._service.rows)
        ]
        rng = np.random.default_rng([self._service.seed, life.worker_id, 10**6])
        return observe(parts, self._blocks, sample_bytes, rng)

    def _entries(self, life: Life) -> list[Stored]:
        seen = self.estimates[life.worker_id]
        tables = {"bytes": _steps(seen.bytes)}
        if self.sample_bytes:  # one that traces every block knows neither ages nor what was freed
            tables |= {
                "survivor_bytes": _steps(seen.survivor_bytes),
                "allocated_bytes": _steps(seen.allocated_bytes),
                "variance_kib2": _steps(seen.variance / 1024**2),
            }
        rss = self._resident(life, seen.bytes.sum(axis=0))
        made = [self._entry(life, t, tables, float(rss[t])) for t in range(life.n)]
        if life.cut_short:
            at = T0 + (life.begin + life.n) * INTERVAL_S
            made.append(Stored(0, life.worker_id, "end", at, 0.0, 0, dict.fromkeys(VITALS), NONE, NONE, False))
        return made

    def _entry(self, life: Life, t: int, tables: dict[str, Ints], rss: float) -> Stored:
        moved = np.flatnonzero(np.any([table[:, t] for table in tables.values()], axis=0) | (t == 0))
        changes = Columns(moved.astype(np.int64), {name: table[moved, t] for name, table in tables.items()})
        at = T0 + (life.begin + t + 1) * INTERVAL_S
        kind = "start" if t == 0 else "change"
        vitals: dict[str, float | None] = {**dict.fromkeys(VITALS), "rss_bytes": rss, "limit_bytes": LIMIT}
        requests = int(life.requests[t])
        return Stored(
            0,
            life.worker_id,
            kind,
            at,
            INTERVAL_S,
            requests,
            vitals,
            packed.encode(changes),
            NONE,
            True,  # type: ignore[arg-type]
        )

    def _resident(self, life: Life, python: Floats) -> Floats:
        rng = np.random.default_rng([self._service.seed, life.worker_id, 7])
        ratchet = np.maximum.accumulate(rng.gamma(3, 2 * MIB, life.n))
        native = self._service.native
        if native:
            python = python + native.size * np.cumsum(life.requests) / native.day_requests
        return BASE_RSS + 1.15 * python + ratchet + rng.normal(0, 0.5 * MIB, life.n)


def _steps(levels: Floats) -> Ints:
    rounded = np.rint(levels).astype(np.int64)
    return np.diff(rounded, axis=1, prepend=0)


def _worker(name: str, life: Life) -> Worker:
    started_at = T0 + life.begin * INTERVAL_S
    identity = WorkerIdentity(
        key=f"{life.worker_id:032x}",
        service=name,
        environment="bench",
        host="host",
        pid=life.worker_id,
        started_at=started_at,
        release=life.release,
        python="3.12",
        agent="0.1",
        server=None,
        interval_s=INTERVAL_S,
    )
    return Worker(
        life.worker_id, identity, life.slot, life.generation, started_at, started_at, None, None, 0, {}, {}, {}, 0.0
    )
