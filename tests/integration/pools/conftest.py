"""A real PostgreSQL in a temporary folder, and programs that use pools on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from heaptide_server.checks import pool
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.model import Worker, WorkerIdentity

TARGET = Path(__file__).parents[2] / "targets" / "probes" / "pools.py"
MAX_CONNECTIONS = 20
# What callers may end with, by scenario.
FAILURES = {"timeout": {"TimeoutError", "PoolTimeout"}, "many": {"DBAPIError", "OperationalError"}}
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


def binary(name: str) -> Path | None:
    """Debian keeps the server's programs out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name)
    return debian[-1] if debian else Path(found) if found else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Its address, "127.0.0.1:PORT"; everybody may log in as `tester`."""
    initdb, server = binary("initdb"), binary("postgres")
    if initdb is None or server is None:
        pytest.skip("no PostgreSQL here: `make database` installs it where this user may")
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="heaptide-postgres-") as folder, socket.socket() as probe:
        if user:
            shutil.chown(folder, user)
        subprocess.run(
            [initdb, "-D", f"{folder}/data", "-A", "trust", "-U", "tester", "--no-sync", "--locale=C", "-E", "UTF8"],
            user=user, check=True, stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        options = {"listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": str(MAX_CONNECTIONS)}
        command = [server, "-D", f"{folder}/data", "-p", str(port), "-k", folder]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL) as process:
            try:
                await_port(port, process)
                yield f"127.0.0.1:{port}"
            finally:
                process.send_signal(signal.SIGINT)  # a fast shutdown: open sessions are closed


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "PostgreSQL ended by itself"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "PostgreSQL doesn't listen after 60 s"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def facts_of(postgres: str) -> Callable[..., dict[str, Any]]:
    """Runs a scenario of the target program with a library, and returns the one pool's facts."""

    @cache
    def run(library: str, scenario: str) -> dict[str, Any]:
        output = subprocess.run(
            [sys.executable, TARGET, library, scenario, postgres], check=True, stdout=subprocess.PIPE, timeout=60
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
