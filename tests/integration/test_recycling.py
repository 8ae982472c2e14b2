"""gunicorn recycles its workers: what leaks adds up over their lives, and what they fill anew each time doesn't."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from heaptide_server.demo.processes import free_port

pytest.importorskip("heaptide.tracemalloc_ng", reason="the sampler isn't built here", exc_type=ImportError)

APP = Path(__file__).parents[1] / "corpus" / "known" / "recycled-gunicorn"
GUNICORN = Path(sys.executable).with_name("gunicorn")

MAX_REQUESTS = 120
REQUESTS_PER_S = 100.0
LIVES = 4
KEPT_BYTES = 1033  # of each request: bytes of 1,000 and their header
PAGES_BYTES = 100 * 4033  # what each life fills

Serve = Callable[[str], int]


@pytest.fixture
def serve(collector: httpx2.Client) -> Iterator[Serve]:
    """Serves the app in a variant with two workers; its port."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(variant: str) -> int:
        port = free_port()
        options = ["--workers", "2", "--max-requests", str(MAX_REQUESTS), "--log-level", "warning"]
        told = {
            "HEAPTIDE_COLLECTOR": str(collector.base_url).rstrip("/"),
            "HEAPTIDE_SERVICE": variant,
            "HEAPTIDE_INTERVAL": "0.5",
            "HEAPTIDE_SAMPLE_BYTES": "2048",
            "HEAPTIDE_TRACER": "sampling",
            "VARIANT": variant,
        }
        command = [str(GUNICORN), "app:app", "--chdir", str(APP), "-b", f"127.0.0.1:{port}", *options]
        servers.append(subprocess.Popen(command, env={**os.environ, **told}))
        return port

    yield start
    for server in servers:
        server.terminate()
        server.wait(timeout=20)


def test_what_leaks_adds_up_over_recycled_lives_and_what_each_fills_anew_does_not(serve: Serve, collector) -> None:
    ports = [serve("leaky"), serve("fixed")]
    deadline = time.monotonic() + 90
    while min(len(_ended(collector, "leaky")), len(_ended(collector, "fixed"))) < LIVES:
        assert time.monotonic() < deadline, f"fewer than {LIVES} lives ended within 90 s"
        for number in range(int(REQUESTS_PER_S)):
            _ask(ports[number % 2], number)

    ended = _ended(collector, "leaky")
    served = sum(worker["requests"] for worker in ended)
    assert {worker["slot"] for worker in ended} == {1, 2}
    assert max(worker["generation"] for worker in ended) >= 2
    assert all(worker["requests"] <= MAX_REQUESTS + 1 for worker in ended)
    # What a life kept before its first report is where it starts from, not growth.
    alive = 2 * MAX_REQUESTS
    assert 0.2 * served * KEPT_BYTES < _growth(collector, "leaky", "remember") < 1.3 * (served + alive) * KEPT_BYTES

    lives = len(_ended(collector, "fixed")) + 2
    assert _growth(collector, "fixed", "remember") == 0
    assert _growth(collector, "fixed", "serve") < 1.3 * lives * PAGES_BYTES


def _ended(collector: httpx2.Client, service: str) -> list[dict]:
    workers = collector.get(f"/api/v1/services/{service}/workers").json().get("workers", [])
    return [worker for worker in workers if worker["state"] == "ended"]


def _growth(collector: httpx2.Client, service: str, function: str) -> float:
    sites = collector.get(f"/api/v1/services/{service}/sites", params={"top": 200}).json()["sites"]
    return sum(site["growth_bytes"] for site in sites if site["site"]["frames"][0]["function"] == function)


def _ask(port: int, number: int) -> None:
    due = time.monotonic() + 1 / REQUESTS_PER_S
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{number}", timeout=10):
            pass
    except OSError:  # not up yet, or a worker that is being recycled
        time.sleep(0.05)
    time.sleep(max(0.0, due - time.monotonic()))
