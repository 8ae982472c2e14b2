"""Programs of the corpus under the agent, watched by a real collector process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.corpus.cases import Program
from tests.corpus.environments import python_for

from heaptide_server.demo.processes import Process, free_port

DRIVER = Path(__file__).with_name("driver.py")
STAYS_S = 5.0  # an open leak must stay one for so long
MARGIN_S = 10.0  # a fixed program runs for so much longer than its leaky one took
STATUSES = ("filling", "suspect", "open")  # from harmless to worst

_AGENT = {"HEAPTIDE_TRACER": "sampling", "HEAPTIDE_SAMPLE_BYTES": "2048", "HEAPTIDE_INTERVAL": "0.5"}


@dataclass
class Run:
    """One run of one program, and what the collector said of it.

    Attributes:
        seconds: when each status was first seen, in seconds since the program's start.
        leaks: what GET /api/v1/leaks said last.
        accused: the last of what it said of each leak that was ever open.
        worker: the worker as the collector saw it last.
        resident: the resident set in bytes at each look, after seconds since the program's start.
        broke: the last words of a program that ended by itself.
    """

    program: Program
    began: float
    process: Process
    seconds: dict[str, float] = field(default_factory=dict)
    leaks: list[dict[str, Any]] = field(default_factory=list)
    accused: dict[str, dict[str, Any]] = field(default_factory=dict)
    worker: dict[str, Any] = field(default_factory=dict)
    resident: list[tuple[float, float]] = field(default_factory=list)
    ran_s: float = 0.0
    broke: str = ""

    @property
    def worst(self) -> str:
        """The worst status that a leak of it ever had."""
        return next((status for status in reversed(STATUSES) if status in self.seconds), "none")

    @property
    def settled(self) -> bool:
        """Whether a leak is open and has been for a while, or nothing more can come."""
        return bool(self.broke) or self.ran_s >= self.seconds.get("open", float("inf")) + STAYS_S

    def look(self, api: str) -> None:
        """Takes in what the collector says now."""
        self.ran_s = time.monotonic() - self.began
        if self.process.ended:
            self.broke = self.process.last_words(3) or "it ended without a word"
        self.leaks = _get(f"{api}/leaks?service={self.program.name}").get("leaks", [])
        for leak in self.leaks:
            self.seconds.setdefault(leak["status"], self.ran_s)
            if leak["status"] == "open":
                self.accused[leak["id"]] = leak
        workers = _get(f"{api}/services/{self.program.name}/workers").get("workers", [])
        if workers:
            self.worker = workers[-1]
            if rss_bytes := self.worker["vitals"].get("rss_bytes"):
                self.resident.append((round(self.ran_s, 1), rss_bytes))


def watch(leaky: Program, fixed: Program, most_s: float) -> tuple[Run, Run]:
    """Runs a leaky program until its leak is open, and the fixed one beside it for a while longer.

    Raises:
        UninstallableError: the pins can't be installed.
    """
    with _runs([leaky, fixed]) as (api, (bad, good)):
        until, over = most_s + MARGIN_S, False
        while good.ran_s < until and not good.broke:
            time.sleep(0.5)
            good.look(api)
            if over:
                continue
            bad.look(api)
            if over := bad.settled or bad.ran_s >= most_s:
                bad.process.stop()
                until = bad.ran_s + MARGIN_S
        return bad, good


def watch_calm(programs: Sequence[Program], most_s: float) -> list[Run]:
    """Runs harmless programs side by side for a time."""
    with _runs(programs) as (api, runs):
        while runs[0].ran_s < most_s:
            time.sleep(1)
            for run in runs:
                run.look(api)
        return runs


@contextmanager
def _runs(programs: Sequence[Program]) -> Iterator[tuple[str, list[Run]]]:
    pythons = [python_for(program.pins) for program in programs]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heaptide-corpus-")))
        url = f"http://127.0.0.1:{free_port()}"
        collector = _start("collector", _serve(url, folder), {"HEAPTIDE_TREND_INTERVAL_S": "1"}, folder)
        stack.callback(collector.stop)
        _await(url, collector)
        runs = []
        for program, python in zip(programs, pythons, strict=True):
            runs.append(_run(program, python, url, folder))
            stack.callback(runs[-1].process.stop)
        yield f"{url}/api/v1", runs


def _run(program: Program, python: Path, url: str, folder: Path) -> Run:
    command = [str(python), str(DRIVER), str(program.app), str(program.steps_per_s)]
    given = {name: value for name, value in os.environ.items() if name in _AGENT}
    told = {"HEAPTIDE_COLLECTOR": url, "HEAPTIDE_SERVICE": program.name, "VARIANT": program.variant}
    return Run(program, time.monotonic(), _start(program.name, command, _AGENT | given | told, folder))


def _serve(url: str, folder: Path) -> list[str]:
    port = url.rpartition(":")[2]
    return [sys.executable, "-m", "heaptide", "serve", "--port", port, "--db", str(folder / "heaptide.db")]


def _start(name: str, command: list[str], environment: Mapping[str, str], folder: Path) -> Process:
    return Process(name, command, environment, folder / f"{name}.log")


def _await(url: str, process: Process) -> None:
    deadline = time.monotonic() + 60
    while not _get(f"{url}/healthz"):
        if process.ended or time.monotonic() > deadline:
            raise subprocess.SubprocessError(f"the collector didn't come up:\n{process.last_words()}")
        time.sleep(0.2)


def _get(url: str) -> dict[str, Any]:
    """What is there, or nothing where the collector doesn't answer, or doesn't know it yet."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError:
        return {}
