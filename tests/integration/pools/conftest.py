"""Programs that use pools on a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from heaptide_server.checks import pool
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.model import Worker, WorkerIdentity

TARGET = Path(__file__).parents[2] / "targets" / "probes" / "pools.py"
PYTHON = os.environ.get("TARGET_PYTHON", sys.executable)  # which runs the target: `tests.agent.probes.versions`
# What callers may end with, by scenario.
FAILURES = {
    "timeout": {"TimeoutError", "PoolTimeout"},
    "many": {"DBAPIError", "OperationalError", "TooManyConnectionsError"},  # before SQLAlchemy 2.1 the driver's own
}


@pytest.fixture(scope="session")
def facts_of(postgres: str) -> Callable[..., dict[str, Any]]:
    """Runs a scenario of the target program with a library, and returns the one pool's facts."""

    @cache
    def run(library: str, scenario: str) -> dict[str, Any]:
        output = subprocess.run(
            [PYTHON, TARGET, library, scenario, postgres], check=True, stdout=subprocess.PIPE, timeout=60
        ).stdout
        told = json.loads(output)
        assert told["errors"] == 0
        assert len(told["pools"]) == 1, told
        assert set(told["failed"]) <= FAILURES.get(scenario, set()), told
        facts: dict[str, Any] = told["pools"][0]
        return facts

    return run


@pytest.fixture
def find() -> Callable[..., dict[str, Finding]]:
    """The findings, by kind, of a number of workers that all tell these facts."""

    def run(facts: dict[str, Any], workers: int = 1) -> dict[str, Finding]:
        told = [WorkerFacts(worker(4242 + index), {"pools": {"pools": [facts]}}) for index in range(workers)]
        return {finding.kind: finding for finding in pool.find(told)}

    return run


def worker(pid: int) -> Worker:
    identity = WorkerIdentity(
        key=f"{pid:032}", service="shop", environment="production", host="web-1", pid=pid, started_at=1e9,
        release=None, python="3.11.7", agent="0.1.0", server="uvicorn", interval_s=30.0,
    )  # fmt: skip
    return Worker(
        id=pid, identity=identity, slot=1, generation=1, first_seen=1e9, last_seen=1e9 + 60, ended_at=None,
        end_reason=None, requests=100, vitals={}, tracer={}, agent={}, skew_s=0.0,
    )  # fmt: skip
