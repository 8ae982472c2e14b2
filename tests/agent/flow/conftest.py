"""Fakes of what the flow stands on, and a collector that answers as it is told."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Hashable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from heaptide.changes import SiteChanges, TypeChanges
from heaptide.report import Report
from heaptide.settings import Settings, resolve
from heaptide.tracer.protocol import Look, StackStat
from heaptide.transport import Answer, Unreachable


class FakeTracer:
    name = "fake"
    frames = 1

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.rates: list[int | None] = []
        self.level = 100
        self.skips = False

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def set_rate(self, sample_bytes: int | None) -> None:
        self.rates.append(sample_bytes)

    def take(self, *, survivor_age_s: float, most: int, keep: frozenset[Hashable]) -> Look | None:
        if self.skips:
            return None
        stacks: dict[Hashable, StackStat] = {"a": StackStat((("/app/a.py", "f", 1),), self.level, 1)}
        return Look(stacks, StackStat((), 0, 0), 512, self.level, 1000, 0.001)


class FakeCensus:
    spacing_s = 0.0

    def __init__(self) -> None:
        self.counts: dict[str, int] | None = {"dict": 3}
        self.fails_with: Exception | None = None

    def take(self, most: int = 2000) -> dict[str, int] | None:
        if self.fails_with:
            raise self.fails_with
        return self.counts


class FakeVitals:
    def take(self) -> dict[str, float | None]:
        return {"rss_bytes": 1.0}


class FakeTransport:
    """Answers what the test says, then acknowledges; keeps what it was given."""

    def __init__(self) -> None:
        self.answers: list[Answer | None] = []
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.reloaded = 0

    def post(self, path: str, body: Any, *, content_type: str, timeout_s: float) -> Answer:
        self.posted.append((path, body))
        answer = self.answers.pop(0) if self.answers else Answer(200, {"acknowledged": body.get("sequence", 0)})
        if answer is None:
            raise Unreachable("nobody there")
        return answer

    def reload_token(self) -> None:
        self.reloaded += 1


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ToldCollector(ThreadingHTTPServer):
    """Answers each request with the next of `answers`: status, headers, body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.seen: list[tuple[str, dict[str, str], Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: ToldCollector

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers), json.loads(gzip.decompress(data))))
        status, headers, body = self.server.answers.pop(0) if self.server.answers else (200, {}, b'{"acknowledged": 1}')
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[ToldCollector]:
    with ToldCollector() as told:
        thread = threading.Thread(target=told.serve_forever, args=(0.02,))
        thread.start()
        yield told
        told.shutdown()
        thread.join()


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def make(**arguments: object) -> Settings:
        return resolve({"collector": "http://127.0.0.1:9", **arguments}, {})

    return make


@pytest.fixture
def make_report() -> Callable[..., Report]:
    def make(base: int, sequence: int, *, requests: int = 1, **more: Any) -> Report:
        values: dict[str, Any] = {
            "base": base,
            "sequence": sequence,
            "taken_at": float(sequence),
            "elapsed_s": 1.0,
            "requests": requests,
            "vitals": {"rss_bytes": float(sequence)},
            "tracer": {"name": "fake", "skipped": False},
            "sites": SiteChanges(0),
            "types": TypeChanges(0),
            "agent": {"longest_hold_s": 0.0},
        }
        return Report(**(values | more))

    return make


@pytest.fixture
def tracer() -> FakeTracer:
    return FakeTracer()


@pytest.fixture
def census() -> FakeCensus:
    return FakeCensus()


@pytest.fixture
def vitals() -> FakeVitals:
    return FakeVitals()


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def clock() -> Clock:
    return Clock()
