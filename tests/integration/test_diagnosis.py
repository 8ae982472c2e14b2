"""The whole way: a person asks about a leak, a real worker looks, and the collector tells what it found."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.model import Leak, Site
from heaptide_server.store.sqlite import SqliteStore

WORKER = Path(__file__).parents[1] / "targets" / "servers" / "hoards.py"


@pytest.fixture
def worker(collector: httpx2.Client) -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "HEAPTIDE_COLLECTOR": str(collector.base_url).rstrip("/"), "HEAPTIDE_SOURCE": "1"}
    process = subprocess.Popen([sys.executable, str(WORKER)], env=environ)
    yield process
    process.kill()
    process.wait()


def until(found: Callable[[], Any], what: str, timeout_s: float = 60.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.1)
    return value


def leak_at(site: Site) -> Leak:
    return Leak(
        id="abc", service="shop", environment="production", kind="site", status="open", site=site, type_name=None,
        bytes_per_hour=1e6, bytes_per_hour_low=9e5, bytes_per_hour_high=1e7, bytes_per_request=None, live_bytes=7,
        survivor_bytes=None, workers=1, generations=1, confidence=0.9, first_seen=1.0, last_seen=2.0, release=None,
        evidence="", state={"grown_bytes": 1.0, "fired": False},
    )  # fmt: skip


@pytest.fixture
def leak(collector: httpx2.Client, worker: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """A leak where the worker remembers its quotes, put there at once: a verdict would take its time."""
    store, ledger = SqliteStore(tmp_path / "heaptide.db"), Ledger(tmp_path / "heaptide.db")

    def remembered() -> Site | None:
        sites = store.sites(range(500)).values()
        return next((site for site in sites if site.top and site.top.function in ("remember", "Quote.__init__")), None)

    site = until(remembered, "the worker reports where it allocates")
    ledger.update("shop", "production", time.time(), lambda _known: Changes([leak_at(site)], [], []))
    store.close()


def asked_and_answered(collector: httpx2.Client) -> dict[str, Any]:
    before = collector.get("/api/v1/leaks/abc").json()["diagnosis"]
    answer = collector.post("/api/v1/leaks/abc/diagnose")
    assert answer.status_code == 202, answer.text
    number = answer.json()["id"]

    def answered() -> dict[str, Any] | None:
        told: dict[str, Any] = collector.get("/api/v1/leaks/abc").json()
        return told if told["diagnosis"] and told["diagnosis"] != before else None

    return {"request": number, **until(answered, "the worker answers")}


def test_a_person_may_ask_again_within_the_hour_and_a_real_worker_looks_again(
    collector: httpx2.Client, worker: subprocess.Popen[bytes], leak: None
) -> None:
    first = asked_and_answered(collector)
    second = asked_and_answered(collector)
    assert first["request"] != second["request"]
    for told in (first, second):
        assert (told["diagnosis"]["status"], told["diagnosis"]["reason"]) == ("done", None)
        assert told["diagnosis"]["worker"]["pid"] == worker.pid
        assert told["retention"][0]["name"] == "__main__.QUOTES"
        assert sum(told["ages"].values()) > 0
    assert second["retention"][0]["length"] > first["retention"][0]["length"]
    innermost = first["excerpts"][0]
    source = WORKER.read_text().splitlines()
    assert innermost["line"] == first["site"]["line"]
    assert innermost["lines"][innermost["line"] - innermost["first"]] == source[innermost["line"] - 1]
    assert "def remember(number):" in [line for one in first["excerpts"] for line in one["lines"]]
    assert worker.poll() is None

    def explained() -> dict[str, Any] | None:
        (living,) = collector.get("/api/v1/services/shop/workers").json()["workers"]
        return living if living["resident"]["garbage_bytes"] is not None else None

    living = until(explained, "the report after the walk")
    resident = living["resident"]
    known = ("python_bytes", "python_error_bytes", "pymalloc_free_bytes", "native_bytes", "garbage_error_bytes")
    assert all(resident[name] is not None for name in known), resident
    assert resident["python_bytes"] >= living["vitals"]["pymalloc_used_bytes"] > 0
    assert living["cost"]["census_spacing_s"] >= 0
