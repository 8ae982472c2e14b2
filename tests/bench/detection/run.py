"""One service's day under the real trend job, and what became of each row."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from heaptide_server.leaks.ledger import Ledger
from heaptide_server.leaks.watch import Watch
from heaptide_server.store.connections import connect
from heaptide_server.store.protocol import Store
from tests.bench.detection import fleet
from tests.bench.detection.fleet import DAY, Service
from tests.bench.detection.memory_store import INTERVAL_S, T0, DayStore

METHOD = "Heaptide"


@dataclass(frozen=True)
class Outcome:
    """What a method said of one row: ever, in the end, when first (hours after the onset), and its place among suspects."""

    method: str
    service: str
    seed: int
    shape: str
    leak: bool
    ever: bool
    final: bool
    hours: float | None
    rank: int | None
    status: str
    size: float


def day(name: str, seed: int, draws: int, sample_bytes: float) -> tuple[list[Outcome], DayStore, Service, float]:
    """Runs a day; also returns the CPU seconds that the trend job took."""
    service = fleet.service(name, seed, draws)
    store = DayStore(service, sample_bytes)
    opened: dict[str, float] = {}

    def tell(_db: Any, notices: Any, now: float) -> None:
        for notice in notices:
            if notice.kind == "leak.firing" and notice.leak.site:
                opened.setdefault(notice.leak.site.frames[0].file, now)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "heaptide.db"
        connect(path).conn.execute("SELECT 1")
        ledger = Ledger(path, tell)
        ledger.migrate()
        watch = Watch(cast(Store, store), ledger)
        begin = time.process_time()
        for interval in range(1, DAY + 1):
            store.now = T0 + interval * INTERVAL_S
            watch.tick(store.now)
        spent = time.process_time() - begin
        leaks = {leak.site.frames[0].file: leak for leak in ledger.leaks() if leak.site}
    scores = {
        file: (leak.status == "open", leak.status == "suspect", leak.bytes_per_hour) for file, leak in leaks.items()
    }
    outcomes = []
    innocent = sorted((scores[f"row{i}.py"] for i, r in enumerate(service.rows) if r.onset is None and f"row{i}.py" in scores))
    for index, row in enumerate(service.rows):
        file = f"row{index}.py"
        at, leak = opened.get(file), leaks.get(file)
        hours = None if at is None or row.onset is None else (at - T0) / 3600 - row.onset * INTERVAL_S / 3600
        rank = 1 + sum(other > scores[file] for other in innocent) if file in scores else None
        outcomes.append(
            Outcome(
                METHOD,
                name,
                seed,
                row.shape,
                row.onset is not None,
                at is not None,
                leak is not None and leak.status == "open",
                hours,
                rank,
                leak.status if leak else "-",
                row.draw.size,
            )
        )
    return outcomes, store, service, spent
