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
REQUESTS_PER_S = 60.0
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


@pytest.fixture
def lives(serve: Serve, collector: httpx2.Client) -> Callable[[str], list[dict]]:
    """Asks a variant for pages until four lives have ended and been told of; those lives."""

    def run(variant: str) -> list[dict]:
        port = serve(variant)
        deadline = time.monotonic() + 60
        while len(ended := _ended(collector, variant)) < LIVES:
            assert time.monotonic() < deadline, f"{len(ended)} lives ended within 60 s"
            for number in range(int(REQUESTS_PER_S)):
                _ask(port, number)
        return ended

    return run


def test_a_leak_adds_up_over_lives_that_are_each_too_short_to_show_it(lives, collector) -> None:
    ended = lives("leaky")
    served = sum(worker["requests"] for worker in ended)
    grown = _growth(collector, "leaky", "remember")

    assert {worker["slot"] for worker in ended} == {1, 2}
    assert max(worker["generation"] for worker in ended) >= 2
    assert all(worker["requests"] <= MAX_REQUESTS + 1 for worker in ended)
    # What a life kept before its first report is where it starts from, not growth.
    assert 0.2 * served * KEPT_BYTES < grown < 1.3 * (served + 2 * MAX_REQUESTS) * KEPT_BYTES


def test_what_each_life_fills_anew_is_no_more_than_that(lives, collector) -> None:
    ended = lives("fixed")

    assert _growth(collector, "fixed", "remember") == 0
    assert _growth(collector, "fixed", "serve") < 1.3 * (len(ended) + 2) * PAGES_BYTES


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
