"""Workers that report for longer than a day, so that sums of each width are made of what they told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heaptide_server.model import Report

HOUR = 3600.0
STEPS = 60

# What a worker, one of three, reports at a step and a time.
Told = Callable[[Any, int, int, float], Report]


@pytest.fixture
def half_hourly(store: Any, sender: Any, start: float) -> Callable[[Told], tuple[float, float]]:
    """Sends what three workers of two releases report each half hour for 30 hours; when it begins and ends."""

    def run(told: Told) -> tuple[float, float]:
        begin = start // HOUR * HOUR
        workers = [
            sender(key=f"{n:032x}", release="2" if n > 1 else "1", started_at=begin, interval_s=HOUR / 2, pid=n)
            for n in range(3)
        ]
        for step in range(STEPS):
            at = begin + step * HOUR / 2
            reports = [told(worker, n, step, at) for n, worker in enumerate(workers)]
            for worker, receipt in zip(workers, store.append(reports, at), strict=True):
                worker.acknowledged = receipt.acknowledged
        return begin, begin + STEPS * HOUR / 2

    return run
