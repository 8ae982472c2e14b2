"""Real services that report to a real collector, and what its checks say of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

TARGETS = Path(__file__).parents[2] / "targets" / "checks"
BIN = Path(sys.executable).parent
DEADLINE_S = 90.0
OF_THE_MACHINE = "loop-without-cpu"

Start = Callable[..., "Service"]


class Service:
    """A target under a server, or a script, and requests to it.

    Args:
        name: the service's.
        command: words, of which {port} is replaced.
        collector: its URL.
        environ: variables besides the agent's.
    """

    def __init__(self, name: str, command: Sequence[str], collector: str, environ: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
        told = {"COLLECTOR": collector, "INTERVAL": "0.5", "TRACER": "off", "SERVICE": name}
        self.process = subprocess.Popen(
            [word.format(port=self.port) for word in command],
            cwd=TARGETS,
            env=clean | {f"HEAPTIDE_{name}": value for name, value in told.items()} | environ,
            start_new_session=True,
        )

    def ask(self, path: str = "/", timeout_s: float = 5.0) -> bool:
        """Sends a request; whether it was answered."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout_s) as answer:
                return bool(answer.read())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


class Checks:
    """What the collector says of services."""

    def __init__(self, collector: httpx2.Client) -> None:
        self._collector = collector

    def found(self, service: str) -> dict[str, str]:
        """The severity of each kind of finding of a service; what a busy machine does to it is left out."""
        return {one["kind"]: one["severity"] for one in self.findings(service) if one["kind"] != OF_THE_MACHINE}

    def findings(self, service: str) -> list[dict[str, object]]:
        """All that the API tells of them."""
        told: list[dict[str, object]] = self._collector.get(f"/api/v1/checks?service={service}").json()["findings"]
        return told

    def telling(self, service: str) -> int:
        """How many of its living workers have told facts."""
        services = self._collector.get(f"/api/v1/checks?service={service}").json()["services"]
        return int(services[0]["telling"]) if services else 0

    def workers(self, service: str) -> list[dict[str, int]]:
        """Its workers, also those that ended."""
        answer = self._collector.get(f"/api/v1/services/{service}/workers").json()
        told: list[dict[str, int]] = answer.get("workers", [])
        return told

    def wait_until(self, holds: Callable[[], object], *services: str) -> None:
        """Waits for something of services, and fails with what was found of them instead."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, {name: (self.found(name), self.workers(name)) for name in services}
            time.sleep(0.1)


@pytest.fixture
def checks(collector: httpx2.Client) -> Checks:
    return Checks(collector)


@pytest.fixture
def start(collector: httpx2.Client) -> Iterator[Start]:
    """Starts a service: its name, the program of this environment, and its words."""
    services: list[Service] = []

    def begin(name: str, program: str, *words: str, before: Sequence[str] = (), **environ: str) -> Service:
        url = str(collector.base_url).rstrip("/")
        services.append(Service(name, [*before, str(BIN / program), *words], url, environ))
        return services[-1]

    yield begin
    for service in services:
        service.kill()
