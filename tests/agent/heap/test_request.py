"""The whole way: a collector asks a real worker to diagnose a site, and reads the answer in a later report."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from heaptide import wire

WORKER = """
import sys, time
import heaptide

class Quote:
    def __init__(self, number):
        self.lines = [number]

QUOTES = {}

def remember(number):
    QUOTES[number] = Quote(number)

heaptide.start(service="shop", interval_s=0.5, sample_bytes=1024)
number = 0
while True:
    for number in range(number, number + 200):
        remember(number)
    time.sleep(0.02)
"""


class Collector(ThreadingHTTPServer):
    """Acknowledges every report, and asks to diagnose the sites of `Quote` until it has as many answers as wanted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sites: list[int] = []
        self.defined: dict[int, str] = {}
        self.asked: list[int] = []
        self.answers: list[dict[str, Any]] = []
        self.wanted = 1
        self.answered = threading.Event()

    def take(self, report: dict[str, Any]) -> dict[str, Any]:
        sites = report["sites"]
        for number, stack in enumerate(sites["define"], sites["first"]):
            self.defined[number] = sites["frames"][stack[0]][1] if stack else ""
        self.sites = [number for number, function in self.defined.items() if function in ("__init__", "remember")]
        self.answers += report["answers"]
        if len(self.answers) >= self.wanted:
            self.answered.set()
        self.asked = self.asked or self.sites[:8]
        reply: dict[str, Any] = {"acknowledged": report["sequence"]}
        if self.asked and not self.answered.is_set():
            reply["requests"] = [{"id": "d1", "kind": "diagnose", "sites": self.asked, "by_hand": True}]
        return reply


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        reply = {}
        if self.headers["Content-Type"] == wire.CONTENT_TYPE:
            reply = self.server.take(json.loads(gzip.decompress(body)))
        told = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def answers(collector: Collector) -> list[dict[str, Any]]:
    """What a worker answers."""
    environ = {**os.environ, "HEAPTIDE_COLLECTOR": f"http://127.0.0.1:{collector.server_port}"}
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env=environ)
    try:
        assert collector.answered.wait(60)
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()
    return collector.answers


def test_a_request_that_comes_again_is_answered_again_by_the_same_walk(collector):
    collector.wanted = 3
    first, *again = answers(collector)
    assert first["status"] == "done"
    assert first["cost"]["objects"] > 0
    assert all(answer == first for answer in again)  # the cost to the nanosecond: another walk has another


def test_a_workers_answer_names_types_and_holder(collector):
    (answer,) = answers(collector)
    assert (answer["id"], answer["status"], answer["reason"]) == ("d1", "done", "")
    assert [site["site"] for site in answer["sites"]] == collector.asked
    types = {one["name"] for site in answer["sites"] for one in site["types"]}
    assert types & {"__main__.Quote", "list"}
    holders = {path["hops"][0]["name"] for site in answer["sites"] for path in site["retention"]}
    assert "__main__.QUOTES" in holders
