"""`heaptide demo`: a leaking shop under a production server, watched by a real collector, found in a minute or two."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2

from heaptide_server.demo import truth
from heaptide_server.demo.load import Load
from heaptide_server.demo.processes import Process, free_port
from heaptide_server.demo.receiver import Receiver
from heaptide_server.demo.story import Story

REQUESTS_PER_SECOND = 60.0
_SHOP = "gunicorn -k uvicorn_worker.UvicornWorker -w 2 --max-requests 1500 --max-requests-jitter 150 shop.main:app"


class InterruptedDemoError(Exception):
    """Ctrl-C or SIGTERM: the demo ends in good order."""


def main(seconds: int | None = None, port: int = 8787) -> int:
    """Runs the demo.

    Args:
        seconds: end by itself after this time; None runs until Ctrl-C.
        port: the collector's port, where it is free.

    Returns:
        0 if the leak was found at the true line, its webhook arrived and nothing else was called a leak; or, without
        `seconds`, if it was ended before that; else 1.
    """
    story = Story()
    until = None if seconds is None else time.monotonic() + seconds
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    interrupted = False
    demo = None
    with ExitStack() as stack:
        try:
            demo = stack.enter_context(_running(story, port))
            demo.watch(until)
        except InterruptedDemoError:
            interrupted = True
    if demo is None or demo.broken:
        return 0 if interrupted else 1
    story.end(demo.outcome, demo.arrived)
    complete = demo.outcome.found is not None and demo.arrived and not demo.outcome.innocent
    return 0 if complete or (interrupted and seconds is None and not demo.outcome.innocent) else 1


class Demo:
    """A running demo: what it has seen so far."""

    def __init__(self, story: Story, collector: str, processes: list[Process], load: Load, receiver: Receiver) -> None:
        self.broken = False
        self._story = story
        self._api = httpx2.Client(base_url=collector, timeout=10)
        self._processes = processes
        self._load = load
        self._receiver = receiver
        self._named: dict[str, dict[str, Any]] = {}
        self._told = 0

    @property
    def outcome(self) -> truth.Outcome:
        """What was named so far, held against the truth."""
        return truth.compare(self._named.values())

    @property
    def arrived(self) -> bool:
        """Whether the receiver has the true leak's webhook."""
        return any(body["type"] == "leak.firing" for body in self._receiver.received)

    def watch(self, until: float | None) -> None:
        """Looks every second until the time has come, and tells what happens."""
        while until is None or time.monotonic() < until:
            if dead := next((process for process in self._processes if process.ended), None):
                self.broken = True
                self._story.broke(dead.name, dead.last_words())
                return
            self._look()
            time.sleep(1)

    def _look(self) -> None:
        try:
            services = self._api.get("/api/v1/services").raise_for_status().json()["services"]
            leaks = self._api.get("/api/v1/leaks").raise_for_status().json()["leaks"]
        except httpx2.HTTPError:
            return
        self._story.progress(self._load.served, services, leaks)
        for leak in leaks:
            if leak["status"] in ("open", "muted"):
                if leak["id"] not in self._named:
                    self._story.found(leak, f"{self._api.base_url}/leaks/{leak['id']}")
                self._named[leak["id"]] = leak
        for body in self._receiver.received[self._told :]:
            self._story.webhook(body)
            self._told += 1


@contextmanager
def _running(story: Story, port: int) -> Iterator[Demo]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heaptide-demo-")))
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        receiver = Receiver(secret)
        receiver.start()
        stack.callback(receiver.stop)
        collector_port = free_port(port)
        collector = f"http://127.0.0.1:{collector_port}"
        processes = [_collector(folder, collector_port, receiver, secret)]
        stack.callback(processes[0].stop)
        _await(f"{collector}/healthz", processes[0])
        shop = f"http://127.0.0.1:{free_port()}"
        processes.append(_shop(folder, shop, collector))
        stack.callback(processes[1].stop)
        story.begin(collector, shop, _SHOP)
        _await(f"{shop}/products/1/quote", processes[1])
        load = Load(shop, REQUESTS_PER_SECOND)
        load.start()
        stack.callback(load.stop)
        yield Demo(story, collector, processes, load, receiver)


def _collector(folder: Path, port: int, receiver: Receiver, secret: str) -> Process:
    command = [sys.executable, "-m", "heaptide", "serve", "--port", str(port), "--db", str(folder / "heaptide.db")]
    environment = {
        "HEAPTIDE_WEBHOOK_URL": receiver.url,
        "HEAPTIDE_WEBHOOK_SECRET": secret,
        "HEAPTIDE_WEBHOOK_ALLOW_NETS": "127.0.0.0/8",
        "HEAPTIDE_WEBHOOK_GROUP_S": "1",
        "HEAPTIDE_TREND_INTERVAL_S": "1",
        "HEAPTIDE_DELIVERY_INTERVAL_S": "1",
    }
    return Process("the collector", command, environment, folder / "collector.log")


def _shop(folder: Path, url: str, collector: str) -> Process:
    command = [sys.executable, "-m", *_SHOP.split(), "--bind", url.removeprefix("http://")]
    environment = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(truth.FOLDER), os.environ.get("PYTHONPATH")])),
        "HEAPTIDE_COLLECTOR": collector,
        "HEAPTIDE_SERVICE": "shop",
        "HEAPTIDE_ENVIRONMENT": "demo",
        "HEAPTIDE_RELEASE": "1.0",
        "HEAPTIDE_INTERVAL": "0.5",
        "HEAPTIDE_SOURCE": "1",  # the shop is ours to show
        **_tracing(),
    }
    return Process("the shop", command, environment, folder / "shop.log")


def _tracing() -> dict[str, str]:
    # Two minutes see few allocations: they are sampled as finely as the tracer's own budget allows.
    if _sampler_built():
        return {"HEAPTIDE_TRACER": "sampling", "HEAPTIDE_SAMPLE_BYTES": "4096"}
    return {"HEAPTIDE_TRACER": "exact"}


def _sampler_built() -> bool:
    try:
        return find_spec("heaptide.tracemalloc_ng._sampler") is not None
    except ImportError:
        return False


def _await(url: str, process: Process, timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and not process.ended:
        if _answers(url):
            return
        time.sleep(0.1)
    raise SystemExit(f"{process.name} didn't come up at {url}:\n{process.last_words()}")


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=5).is_success
    except httpx2.TransportError:
        return False


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # Once: a second Ctrl-C during the end in good order must not leave processes behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise InterruptedDemoError
