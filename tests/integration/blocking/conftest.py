"""Real services under uvicorn that block their event loop, or only look like it."""

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

from heaptide_server.checks import blocking
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.model import Worker, WorkerIdentity

TARGET = Path(__file__).parents[2] / "targets" / "probes" / "serve.py"
PYTHON = os.environ.get("TARGET_PYTHON", sys.executable)  # which runs the target: `tests.agent.probes.versions`


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., dict[str, Any]]:
    """Serves a target, asks it some times, and returns what the probe tells."""

    @cache
    def run(name: str, loop: str = "asyncio", database: str = "") -> dict[str, Any]:
        command = [PYTHON, TARGET, name, loop]
        environ = {**os.environ, "DATABASE": f"postgresql://tester@{database}/postgres"}
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=100, env=environ).stdout
        told = json.loads(output)
        assert told["errors"] == 0
        facts: dict[str, Any] = told["blocking"]
        return facts

    return run


@pytest.fixture(scope="session")
def find() -> Callable[..., dict[str, Finding]]:
    """The findings, by kind, of a worker that told these facts within a time."""

    def run(facts: dict[str, Any], seconds: float = 20.0) -> dict[str, Finding]:
        found = blocking.find([WorkerFacts(_worker(seconds), {"blocking": facts})])
        return {finding.kind: finding for finding in found}

    return run


def _worker(seconds: float) -> Worker:
    identity = WorkerIdentity(
        key="0" * 32, service="shop", environment="production", host="web-1", pid=4242, started_at=1e9,
        release=None, python="3.11.7", agent="0.1.0", server="uvicorn", interval_s=1.0,
    )  # fmt: skip
    return Worker(
        id=1, identity=identity, slot=1, generation=1, first_seen=1e9, last_seen=1e9 + seconds, ended_at=None,
        end_reason=None, requests=100, vitals={}, tracer={}, agent={}, skew_s=0.0,
    )  # fmt: skip
