"""One service's day under the real trend job and under the simple methods, and what became of each row."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from tests.bench.detection import rivals
from tests.bench.detection.fleet import DAY, Row, Service
from tests.bench.detection.innocents import ordinary
from tests.bench.detection.memory_store import INTERVAL_S, T0, DayStore

from heaptide_server.leaks.ledger import Ledger
from heaptide_server.leaks.watch import Watch
from heaptide_server.model import Floats, Leak, Site
from heaptide_server.store.protocol import Store
from heaptide_server.trends.holders import Holder

METHOD = "Heaptide"
TOLD = "Heaptide, told of bounded caches"
BOUNDED = ("LRU filling linearly", "LRU under Zipf keys")  # what a retention path shows
NATIVE = -1  # the resident set's row, which the simple methods don't look at
HOUR = 3600 / INTERVAL_S  # intervals


@dataclass(frozen=True)
class Outcome:
    """What a method said of one row.

    Attributes:
        ever, final: called a leak at some time of the day, at its end.
        hours: from the onset to the first alert; None without one, and for the innocent.
        rank: its place among the innocent that are listed at the end, 1 is first; None when it isn't listed.
        status: our word for it at the end.
    """

    method: str
    service: str
    seed: int
    sample_bytes: int
    shape: str
    leak: bool
    size: float
    ever: bool
    final: bool
    hours: float | None
    rank: int | None
    status: str = "-"


def whole_day(service: Service, sample_bytes: float) -> list[Outcome]:
    """Our method and the simple ones on one service's day."""
    store = DayStore(service, sample_bytes)
    outcomes = ours(service, store)
    if any(row.shape in BOUNDED for row in service.rows):
        outcomes += ours(service, DayStore(service, sample_bytes), TOLD)
    else:
        outcomes += [replace(o, method=TOLD) for o in outcomes]
    levels = rivals.mean_levels(service, store.estimates)
    for method in rivals.RIVALS:
        outcomes += _theirs(method, service, store, levels)
    return outcomes


def ours(service: Service, store: DayStore, method: str = METHOD) -> list[Outcome]:
    """The real trend job, tick by tick."""
    opened: dict[int, float] = {}

    def tell(_db: Any, notices: Any, _now: float) -> None:
        for notice in notices:
            if notice.kind == "leak.firing":
                opened.setdefault(row_of(notice.leak), (store.now - T0) / INTERVAL_S)

    memory = Path("/dev/shm")  # durable writes are measured elsewhere
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        ledger = Ledger(Path(folder) / "heaptide.db", tell)
        ledger.migrate()

        def holder_of(leak: Leak) -> Holder | None:
            bounded = method == TOLD and leak.site and service.rows[_row_of(leak.site)].shape in BOUNDED
            return Holder("cache", 1000, bounded=True) if bounded else None

        watch = Watch(cast(Store, store), ledger, holder_of=holder_of)
        for interval in range(1, DAY + 1):
            store.now = T0 + interval * INTERVAL_S
            watch.tick(store.now)
        leaks = {row_of(leak): leak for leak in ledger.leaks()}
    listed = {
        index: (leak.status == "open", leak.status == "suspect", leak.bytes_per_hour) for index, leak in leaks.items()
    }
    final = {index for index, leak in leaks.items() if leak.status == "open"}
    status = {index: leak.status for index, leak in leaks.items()}
    return _outcomes(method, service, store, opened, final, listed, status)


def row_of(leak: Leak) -> int:
    """The row that a leak's site stands for."""
    return _row_of(leak.site) if leak.site else NATIVE


def _row_of(site: Site) -> int:
    return int(site.frames[0].file[3:-3])


def _theirs(method: str, service: Service, store: DayStore, levels: Floats) -> list[Outcome]:
    at, flags, grown = rivals.looks(levels, rivals.RIVALS[method])
    opened = {int(row): float(at[int(np.argmax(flags[:, row]))]) for row in np.flatnonzero(flags.any(axis=0))}
    final = {int(row) for row in np.flatnonzero(flags[-1])}
    listed = {row: (row in final, False, float(grown[row])) for row in final}
    return _outcomes(method, service, store, opened, final, listed, {})


def _outcomes(
    method: str,
    service: Service,
    store: DayStore,
    opened: Mapping[int, float],
    final: set[int],
    listed: Mapping[int, tuple[bool, bool, float]],
    status: Mapping[int, str],
) -> list[Outcome]:
    innocent: Sequence[tuple[bool, bool, float]] = [
        listed[index] for index, row in enumerate(service.rows) if row.onset is None and index in listed
    ]
    rows = {**dict(enumerate(service.rows)), NATIVE: _resident_row(service)}
    return [
        Outcome(
            method=method,
            service=service.name,
            seed=service.seed,
            sample_bytes=int(store.sample_bytes),
            shape=row.shape,
            leak=row.onset is not None,
            size=row.draw.size,
            ever=index in opened,
            final=index in final,
            hours=(opened[index] - row.onset) / HOUR if index in opened and row.onset is not None else None,
            rank=1 + sum(other > listed[index] for other in innocent) if index in listed else None,
            status=status.get(index, "-"),
        )
        for index, row in rows.items()
        if index >= 0 or method in (METHOD, TOLD)
    ]


def _resident_row(service: Service) -> Row:
    some = service.rows[0].draw
    if service.native:
        return Row("native", ordinary, service.native, 0.0)
    return Row("resident set", ordinary, some, None)
