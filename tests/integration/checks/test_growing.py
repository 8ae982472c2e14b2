"""Checks of real services: one that has the faults and one that looks like it, each under a real server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

TARGETS = Path(__file__).parents[1] / "targets" / "checks"
BIN = Path(sys.executable).parent

GROWING = {"clients-not-closed", "unbounded-cache", "metric-labels", "open-files"}
UVICORN = ("uvicorn", "{app}:app", "--port", "{port}", "--log-level", "warning")
GUNICORN = (
    "gunicorn", "{app}:app", "-b", "127.0.0.1:{port}", "-k", "uvicorn_worker.UvicornWorker", "-w", "2",
    "--log-level", "warning",
)  # fmt: skip


class Service:
    """A target under a server, and requests to it."""

    def __init__(self, app: str, command: tuple[str, ...], collector: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
        told = {"COLLECTOR": collector, "INTERVAL": "0.5", "TRACER": "off", "SERVICE": app}
        words = [word.format(app=app, port=self.port) for word in command]
        self.process = subprocess.Popen(
            [str(BIN / words[0]), *words[1:]],
            cwd=TARGETS,
            env=clean | {f"HEAPTIDE_{name}": value for name, value in told.items()},
            start_new_session=True,
        )

    def ask(self) -> bool:
        """Sends a request; whether it was answered."""
        assert self.process.poll() is None, "the server ended"
        address = f"http://127.0.0.1:{self.port}/"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.read())
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


@pytest.fixture
def start(collector) -> Iterator[Callable[..., Service]]:
    services: list[Service] = []

    def begin(app: str, command: tuple[str, ...]) -> Service:
        services.append(Service(app, command, str(collector.base_url).rstrip("/")))
        return services[-1]

    yield begin
    for service in services:
        service.kill()


def kinds(collector, service: str) -> set[str]:
    return {one["kind"] for one in collector.get(f"/api/v1/checks?service={service}").json()["findings"]}


def facts_told(collector, service: str) -> int:
    services = collector.get(f"/api/v1/checks?service={service}").json()["services"]
    return int(services[0]["telling"]) if services else 0


def test_a_service_with_the_faults_is_told_from_one_that_looks_like_it(start, collector) -> None:
    faulty, sound = start("faulty_asgi", UVICORN), start("sound_asgi", GUNICORN)
    deadline, served, looked_at = time.monotonic() + 90, 0, 0
    while served < 150 or not kinds(collector, "faulty_asgi") >= GROWING:
        assert time.monotonic() < deadline, (served, kinds(collector, "faulty_asgi"))
        for _ in range(10):
            served += faulty.ask()
            looked_at += sound.ask() + sound.ask()
            time.sleep(0.01)  # so that the load lasts for several reports
    while facts_told(collector, "sound_asgi") < 2 or looked_at < 300:
        assert time.monotonic() < deadline, looked_at
        looked_at += sound.ask()
    found = kinds(collector, "faulty_asgi")
    assert "no-shutdown" in found
    assert found & {"no-supervisor", "restart-policy"}  # by where this test runs
    assert kinds(collector, "sound_asgi") == set()


def test_a_worker_that_was_killed_is_told_once_its_master_has_replaced_it(start, collector) -> None:
    service = start("sound_asgi", GUNICORN)
    deadline = time.monotonic() + 60
    while facts_told(collector, "sound_asgi") < 2:
        assert time.monotonic() < deadline, "two workers don't tell"
        time.sleep(0.1)
    rows = collector.get("/api/v1/services/sound_asgi/workers").json()["workers"]
    assert service.process.pid not in {row["pid"] for row in rows}
    os.kill(rows[0]["pid"], signal.SIGKILL)
    while kinds(collector, "sound_asgi") != {"worker-died"}:
        assert time.monotonic() < deadline, kinds(collector, "sound_asgi")
        time.sleep(0.1)
