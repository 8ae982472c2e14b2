"""Programs of the corpus under the agent, watched by a real collector process."""

from __future__ import annotations

import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.corpus import serving
from tests.corpus.cases import Program
from tests.corpus.environments import python_for
from tests.corpus.serving import Started

from heaptide_server.demo.processes import free_port

STAYS_S = 5.0  # an open leak must stay one for so long
MARGIN_S = 10.0  # a fixed program runs for so much longer than its leaky one took
STATUSES = ("filling", "suspect", "open")  # from harmless to worst


@dataclass
class Run:
    """One run of one program, and what the collector said of it.

    Attributes:
        seconds: when each status was first seen, in seconds since the program's start.
        lasted: for how many seconds each was the worst that was said.
        leaks: what GET /api/v1/leaks said last.
        accused: the last of what it said of each leak that was ever open.
        workers: by its id, each worker as the collector saw it last; in the order of their starts.
        resident: the resident set in bytes at each look, after seconds since the program's start.
        broke: the last words of a program that ended by itself.
    """

    program: Program
    began: float
    started: Started
    seconds: dict[str, float] = field(default_factory=dict)
    lasted: dict[str, float] = field(default_factory=dict)
    leaks: list[dict[str, Any]] = field(default_factory=list)
    accused: dict[str, dict[str, Any]] = field(default_factory=dict)
    workers: dict[str, dict[str, Any]] = field(default_factory=dict)
    resident: list[tuple[float, float]] = field(default_factory=list)
    ran_s: float = 0.0
    broke: str = ""

    @property
    def worst(self) -> str:
        """The worst status that a leak of it ever had."""
        return _worst(self.seconds)

    @property
    def last(self) -> str:
        """The worst status at the last look."""
        return _worst([leak["status"] for leak in self.leaks])

    @property
    def settled(self) -> bool:
        """Whether a leak is open and has been for a while, or nothing more can come."""
        return bool(self.broke) or self.ran_s >= self.seconds.get("open", float("inf")) + STAYS_S

    def look(self, api: str) -> None:
        """Takes in what the collector says now."""
        before_s, self.ran_s = self.ran_s, time.monotonic() - self.began
        process = self.started.process
        if process.ended:
            self.broke = process.last_words(3) or "it ended without a word"
        self._hear(_get(f"{api}/leaks?service={self.program.name}").get("leaks", []), self.ran_s - before_s)
        workers = _get(f"{api}/services/{self.program.name}/workers").get("workers", [])
        self.workers |= {worker["id"]: worker for worker in sorted(workers, key=lambda worker: worker["started_at"])}
        living = [worker["vitals"].get("rss_bytes") or 0 for worker in workers if worker["state"] == "alive"]
        if living and all(living):
            self.resident.append((round(self.ran_s, 1), sum(living)))

    def _hear(self, leaks: list[dict[str, Any]], elapsed_s: float) -> None:
        self.leaks = leaks
        self.lasted[self.last] = self.lasted.get(self.last, 0.0) + elapsed_s
        for leak in leaks:
            self.seconds.setdefault(leak["status"], self.ran_s)
            if leak["status"] == "open":
                self.accused[leak["id"]] = leak


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
                bad.started.stop()
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
    for program in programs:  # before the clocks run
        python_for(program.pins)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="heaptide-corpus-")))
        port = free_port()
        stack.callback(serving.start_collector(port, folder).stop)
        runs = []
        for program in programs:
            began, started = time.monotonic(), serving.start(program, f"http://127.0.0.1:{port}", folder)
            stack.callback(started.stop)
            runs.append(Run(program, began, started))
        yield f"http://127.0.0.1:{port}/api/v1", runs


def _worst(statuses: Sequence[str] | dict[str, float]) -> str:
    return next((status for status in reversed(STATUSES) if status in statuses), "none")


def _get(url: str) -> dict[str, Any]:
    """What is there, or nothing where the collector doesn't answer, or doesn't know it yet."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError:
        return {}
