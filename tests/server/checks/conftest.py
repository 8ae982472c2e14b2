"""Workers and the facts that their probes told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.model import Worker, WorkerIdentity

NOW = 1_800_000_000.0
Make = Callable[..., WorkerFacts]


@pytest.fixture(scope="session")
def now() -> float:
    return NOW


@pytest.fixture(scope="session")
def make_worker() -> Make:
    """A worker that has reported until now; `ended` says how it ended, its facts are by the probe's name."""

    def make(
        facts: dict[str, dict[str, Any]] | None = None,
        *,
        pid: int = 10,
        host: str = "web-1",
        slot: int = 1,
        generation: int = 1,
        started_s: float = -3600.0,
        last_s: float = 0.0,
        ended: str | None = None,
        environment: str = "production",
        server: str | None = "gunicorn:sync",
        requests: int = 1000,
        vitals: dict[str, float | None] | None = None,
    ) -> WorkerFacts:
        identity = WorkerIdentity(
            f"{pid:032x}", "shop", environment, host, pid, NOW + started_s, "1.0", "3.11.7", "0.1.0", server, 30.0
        )
        worker = Worker(
            id=pid,
            identity=identity,
            slot=slot,
            generation=generation,
            first_seen=NOW + started_s,
            last_seen=NOW + last_s,
            ended_at=NOW + last_s + (90 if ended == "missing" else 0) if ended else None,
            end_reason=ended,
            requests=requests,
            vitals=vitals or {},
            tracer={},
            agent={},
            skew_s=0.0,
        )
        return WorkerFacts(worker, facts or {})

    return make


@pytest.fixture(scope="session")
def kinds() -> Callable[[list[Finding]], dict[str, str]]:
    """Findings as {kind: severity}; each says something in every part."""

    def read(findings: list[Finding]) -> dict[str, str]:
        for one in findings:
            assert one.title.endswith("."), one.title
            assert one.evidence, one.kind
            assert all(one.evidence), one.kind
            assert one.fix, one.kind
            assert one.workers, one.kind
            assert not any("None" in text or "nan" in text for text in (one.title, *one.evidence)), one
        assert len({one.kind for one in findings}) == len(findings)
        return {one.kind: one.severity for one in findings}

    return read
