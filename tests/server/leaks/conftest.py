"""A service that reports to a real store in a real file, and the job that watches it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heaptide.wire import VITALS, pack
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.leaks.states import Event
from heaptide_server.leaks.watch import Watch
from heaptide_server.model import Frame, Report, WorkerIdentity
from heaptide_server.store.diagnoses import AGES
from heaptide_server.store.sqlite import SqliteStore

T0 = 1_700_000_000.0
FRAMES = {
    "leak": (Frame("json/encoder.py", "encode", 7, False), Frame("shop/quotes.py", "remember", 41, True)),
    "leak's dict": (Frame("shop/quotes.py", "remember", 42, True),),
    "cache": (Frame("shop/catalogue.py", "page", 12, True),),
    "pages": (Frame("shop/pages.py", "render", 30, True),),
    "flat": (Frame("shop/main.py", "quote", 9, True),),
    "(other)": (),
}
TYPES = {"leak": "shop.quotes.Quote", "leak's dict": "dict"}


@dataclass
class FakeWorker:
    """A worker whose levels are functions of the requests that it has served; counts of types where it's untraced."""

    store: SqliteStore
    key: str
    started_at: float
    interval_s: float = 0.5
    release: str = "1"
    line_shift: int = 0
    untraced: bool = False
    sequence: int = 0
    served: int = 0
    levels: dict[str, int] = field(default_factory=dict)

    def report(
        self,
        now: float,
        requests: int,
        levels: dict[str, float],
        *,
        final: bool = False,
        answers: Sequence[dict[str, Any]] = (),
        vitals: Mapping[str, float] | None = None,
    ) -> None:
        first = self.sequence == 0
        self.sequence += 1
        self.served += requests
        names = list(levels)
        changes = [int(levels[name]) - self.levels.get(name, 0) for name in names]
        self.levels = {name: int(level) for name, level in levels.items()}
        tracer = {"name": "sampling", "frames": 8, "sample_bytes": None, "traced_bytes": 0, "skipped": self.untraced}
        if self.untraced:
            tracer["name"] = "off"
        counted = self.untraced
        stacks = [
            tuple(Frame(f.file, f.function, f.line + self.line_shift, f.in_app) for f in FRAMES[name]) for name in names
        ]
        report = Report(
            worker=WorkerIdentity(
                key=self.key,
                service="shop",
                environment="production",
                host="host",
                pid=7,
                started_at=self.started_at,
                release=self.release,
                python="3.12",
                agent="0.1",
                server=None,
                interval_s=self.interval_s,
            ),
            base=self.sequence - 1,
            sequence=self.sequence,
            taken_at=now,
            elapsed_s=self.interval_s,
            skew_s=0.0,
            final=final,
            requests=requests,
            vitals={**dict.fromkeys(VITALS), **(vitals or {})},
            tracer=tracer,
            first_site=0 if first or counted else len(names),
            new_sites=stacks if first and not counted else [],
            site_changes=pack([], {"bytes": []}) if counted else pack(list(range(len(names))), {"bytes": changes}),
            first_type=0 if first or not counted else len(names),
            new_types=[TYPES.get(name, name) for name in names] if first and counted else [],
            type_changes=pack(list(range(len(names))), {"count": changes}) if counted else pack([], {"count": []}),
            agent={},
            answers=list(answers),
        )
        (receipt,) = self.store.append([report], now)
        assert receipt.outcome == "accepted", receipt


@dataclass
class Shop:
    """Two workers, recycled after about `requests_a_life`, in half-second intervals.

    With `held_by`, the cache of pages fills by each request, and workers answer what holds each site asked for.
    `vitals` tells a worker's from the requests that it has served and the live bytes of its sites; `more` adds to the
    live bytes of one that neither leaks nor fills.
    """

    store: SqliteStore
    ledger: Ledger
    watch: Watch
    told: list[Event]
    path: Path
    leaking: bool = True
    release: str = "1"
    line_shift: int = 0
    untraced: bool = False
    held_by: dict[str, dict[str, Any]] = field(default_factory=dict)
    vitals: Callable[[int, float], dict[str, float]] = lambda _served, _live: {}
    more: Callable[[int], float] = lambda _served: 0.0
    requests_a_life: int = 1500
    now: float = T0
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(4))
    workers: list[FakeWorker | None] = field(default_factory=lambda: [None, None])
    lives: int = 0

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 0.5
            for slot, worker in enumerate(self.workers):
                self._step(slot, worker)
            self.watch.tick(self.now)

    def deploy(self, release: str, *, leaking: bool, line_shift: int = 0) -> None:
        self.release, self.leaking, self.line_shift = release, leaking, line_shift
        for worker in self.workers:
            if worker:
                self._report(worker, final=True)
        self.workers = [None, None]

    def _step(self, slot: int, worker: FakeWorker | None) -> None:
        if worker is None:
            self.lives += 1
            self.workers[slot] = worker = FakeWorker(
                self.store,
                f"{self.lives:032x}",
                self.now - 0.5,
                release=self.release,
                line_shift=self.line_shift,
                untraced=self.untraced,
            )
        final = worker.served > self.requests_a_life + self.rng.integers(0, 150)
        self._report(worker, final=bool(final))
        if final:
            self.workers[slot] = None

    def _report(self, worker: FakeWorker, *, final: bool) -> None:
        requests = int(self.rng.poisson(15))
        served = worker.served + requests
        levels = {
            "leak": 2050.0 * served if self.leaking else 3e5,
            "leak's dict": 400.0 * served if self.leaking else 3e5,
            "cache": 4300.0 * 500 * (1 - np.exp(-served / 500)),
            "pages": 3000.0 * served if self.held_by else 3e5,
            "flat": 2e5 + self.more(served) + abs(self.rng.normal(0, 4e4)),
            "(other)": 0.0 if self.untraced else 900.0 * served,
        }
        asked = self.store.requests_for(worker.key) if self.held_by else []
        answers = [self._answer(request, list(levels), levels) for request in asked]
        vitals = self.vitals(served, sum(levels.values()))
        worker.report(self.now, requests, levels, final=final, answers=answers, vitals=vitals)

    def _answer(self, request: dict[str, Any], names: list[str], levels: dict[str, float]) -> dict[str, Any]:
        sites = []
        for number in request["sites"]:
            hops = [{"length": None, "bound": None} | self.held_by[names[number]]]
            ages = {**dict.fromkeys(AGES, 0.0), "under_1_min": levels[names[number]]}
            sites.append({"site": number, "types": [], "ages": ages, "retention": [{"count": 40, "hops": hops}]})
        return {"id": request["id"], "status": "done", "reason": None, "sites": sites}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "heaptide.db"
    store = SqliteStore(path)
    store.migrate()
    told: list[Event] = []
    ledger = Ledger(path, lambda _db, notices, _now: told.extend(notices))
    ledger.migrate()
    yield Shop(store, ledger, Watch(store, ledger), told, path)
    store.close()


@pytest.fixture
def rewatch(shop: Shop) -> Callable[[], None]:
    """Restarts the job: a new one starts from the store alone."""

    def restart() -> None:
        shop.watch = Watch(shop.store, shop.ledger)

    return restart
