"""Starting a program of the corpus: step by step in a process of its own, or behind gunicorn with steady customers."""

from __future__ import annotations

import os
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.corpus.cases import Program, Server
from tests.corpus.environments import python_for

from heaptide_server.demo.load import Load
from heaptide_server.demo.processes import Process, free_port

DRIVER = Path(__file__).with_name("driver.py")
UP_WITHIN_S = 60.0

_AGENT = {"HEAPTIDE_TRACER": "sampling", "HEAPTIDE_SAMPLE_BYTES": "2048", "HEAPTIDE_INTERVAL": "0.5"}
_BIN = Path(sys.executable).parent


class Started:
    """A program that runs, with the load on it if it is a server."""

    def __init__(self, process: Process, load: Load | None = None) -> None:
        self.process = process
        self._load = load

    def stop(self) -> None:
        """Ends both, the load first."""
        if self._load:
            self._load.stop()
        self.process.stop()


def start(program: Program, collector: str, folder: Path) -> Started:
    """Starts a program under the agent; what HEAPTIDE_TRACER, _SAMPLE_BYTES and _INTERVAL say holds.

    Args:
        collector: its URL.
        folder: where its output goes.

    Raises:
        UninstallableError: the pins can't be installed.
        RuntimeError: its server didn't come up.
    """
    given = {name: value for name, value in os.environ.items() if name in _AGENT}
    told = {"HEAPTIDE_COLLECTOR": collector, "HEAPTIDE_SERVICE": program.name, "VARIANT": program.variant}
    if program.server:
        return _serve(program, program.server, _AGENT | given | told, folder)
    command = [str(python_for(program.pins)), str(DRIVER), str(program.app), str(program.steps_per_s)]
    return Started(start_process(program.name, command, _AGENT | given | told, folder))


def start_collector(port: int, folder: Path) -> Process:
    """Starts a real collector that looks at the trends every second, and waits until it answers."""
    command = [sys.executable, "-m", "heaptide", "serve", "--port", str(port), "--db", str(folder / "heaptide.db")]
    collector = start_process("collector", command, {"HEAPTIDE_TREND_INTERVAL_S": "1"}, folder)
    _await(f"http://127.0.0.1:{port}/healthz", collector)
    return collector


def start_process(name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Process:
    """A process that ends with this one, its output in a file of its name."""
    return Process(name, command, environment, folder / f"{name}.log")


def _serve(program: Program, server: Server, environment: Mapping[str, str], folder: Path) -> Started:
    port = free_port()
    options = ["--workers", str(server.workers), "--max-requests", str(server.max_requests), "--log-level", "warning"]
    command = [str(_BIN / "gunicorn"), "app:app", "--chdir", str(program.app.parent), "-b", f"127.0.0.1:{port}"]
    process = start_process(program.name, [*command, *options], environment, folder)
    _await(f"http://127.0.0.1:{port}/", process)
    load = Load(f"http://127.0.0.1:{port}", server.requests_per_s)
    load.start()
    return Started(process, load)


def _await(url: str, process: Process) -> None:
    deadline = time.monotonic() + UP_WITHIN_S
    while not _answers(url):
        if process.ended or time.monotonic() > deadline:
            process.stop()
            raise RuntimeError(f"{process.name} didn't come up within {UP_WITHIN_S:.0f} s:\n{process.last_words()}")
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10):
            return True
    except OSError:
        return False
