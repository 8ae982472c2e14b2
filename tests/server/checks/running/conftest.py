"""Workers that told facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heaptide_server.checks.finding import WorkerFacts
from heaptide_server.model import Worker, WorkerIdentity

LIFE_S = 600.0


@pytest.fixture
def tell() -> Callable[..., WorkerFacts]:
    """A worker that has lived for ten minutes, and what one of its probes told."""

    def make(probe: str, facts: dict[str, Any], pid: int = 10, ended_at: float | None = None) -> WorkerFacts:
        identity = WorkerIdentity(
            key=f"{pid:032}", service="shop", environment="production", host="web-1", pid=pid, started_at=1e9,
            release=None, python="3.11.7", agent="0.1.0", server="uvicorn", interval_s=30.0,
        )  # fmt: skip
        worker = Worker(
            id=pid, identity=identity, slot=1, generation=1, first_seen=1e9, last_seen=1e9 + LIFE_S,
            ended_at=ended_at, end_reason=None, requests=100, vitals={}, tracer={}, agent={}, skew_s=0.0,
        )  # fmt: skip
        return WorkerFacts(worker, {probe: facts})

    return make
