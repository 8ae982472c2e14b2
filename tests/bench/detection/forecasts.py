"""Are the forecasts' 90 % intervals right? Each leak's own truth says when a headroom was used up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tests.bench.detection.fleet import DAY, Service
from tests.bench.detection.memory_store import INTERVAL_S, T0, DayStore
from tests.bench.table import show

from heaptide_server.model import Forecast
from heaptide_server.trends.forecast import Memory, exhaustion
from heaptide_server.trends.judge import judge
from heaptide_server.trends.matrix import Matrix
from heaptide_server.trends.verdict import Options

LOOKS = (180, 300, 420, 540)  # intervals
SOONEST = 30  # intervals ahead
MIB = float(1 << 20)


@dataclass(frozen=True)
class Foreseen:
    """One forecast of one suspect leak: whether its interval held the truth, and how far off its middle was."""

    service: str
    sample_bytes: int
    shape: str
    held: bool
    early: bool
    ratio: float


def foreseen(service: Service, store: DayStore) -> list[Foreseen]:
    """Forecasts at four times of the day, each for a headroom that the leak used up at a random time after it."""
    if any(life.cut_short for life in service.lives):
        return []  # a restart gives its memory back: there is no time at which the limit is reached
    rng = np.random.default_rng([service.seed, len(service.name), 5])
    matrix, truth, found, read = Matrix(), store.true_levels(), [], 0
    ids = np.arange(1, len(service.rows) + 1)
    for look in LOOKS:
        store.now = T0 + look * INTERVAL_S
        entries = store.stored_after(read, 10**9)
        matrix.add(entries, store.workers_by_id({e.worker_id for e in entries}), store.site_map)
        read = entries[-1].id if entries else read
        for verdict in judge(matrix.generations((service.name, "bench"), ids), Options()):
            row = service.rows[verdict.row]
            if row.onset is None or not verdict.suspect:
                continue
            level = truth[verdict.row]
            at = int(rng.integers(look + SOONEST, DAY))
            headroom = float(level[at] - level[look - 1])
            if headroom <= 0:
                continue
            memory = Memory(1e9 * MIB + headroom, 1e9 * MIB, len(service.lives), 1.0, 0.0, 1.0)
            forecast = exhaustion(verdict, memory, 0.0)
            if forecast:
                reached = int(np.argmax(level[look:] >= level[look - 1] + headroom * (1 - 1e-9)))
                found.append(_held(service, store, row.shape, forecast, reached))
    return found


def _held(service: Service, store: DayStore, shape: str, forecast: Forecast, reached: int) -> Foreseen:
    # It was used up somewhere between two reports.
    first, last = reached * INTERVAL_S, (reached + 1) * INTERVAL_S
    held = forecast.low <= last and (forecast.high is None or forecast.high >= first)
    return Foreseen(
        service.name, int(store.sample_bytes), shape, held, last < forecast.low, forecast.exhausted_at / last
    )


def tell(those: list[Foreseen]) -> None:
    """The share of the intervals that held the truth, overall and by tracer and shape."""
    rows = [["all", *_cells(those)]]
    rows += [[f"tracer {key}", *_cells([f for f in those if f.sample_bytes == key])] for key in _keys(those)]
    rows += [[s, *_cells([f for f in those if f.shape == s])] for s in dict.fromkeys(f.shape for f in those)]
    head = ["of", "forecasts", "held the truth", "truth came sooner", "median forecast over truth"]
    show("Forecasts of the limit, intervals of 90 %", head, rows)


def _keys(those: list[Foreseen]) -> list[int]:
    return sorted({f.sample_bytes for f in those})


def _cells(those: list[Foreseen]) -> list[str]:
    count = max(len(those), 1)
    held, early = sum(f.held for f in those) / count, sum(f.early for f in those) / count
    middle = float(np.median([f.ratio for f in those])) if those else 0.0
    return [str(len(those)), f"{held:.2f}", f"{early:.2f}", f"{middle:.2f}"]
