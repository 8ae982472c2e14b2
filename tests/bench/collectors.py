"""A real collector process to report to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from heaptide_server.demo.processes import free_port


@dataclass
class Collector:
    """Where it listens, and where it keeps."""

    url: str
    db: Path
    process: subprocess.Popen[bytes]


@contextmanager
def collector() -> Iterator[Collector]:
    """Starts `heaptide serve` on a free port with an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        port, db = free_port(), Path(folder) / "heaptide.db"
        command = [sys.executable, "-m", "heaptide", "serve", "--port", str(port), "--db", str(db)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                await_answer(f"http://127.0.0.1:{port}/healthz")
                yield Collector(f"http://127.0.0.1:{port}", db, process)
            finally:
                process.terminate()


def await_answer(url: str) -> None:
    """Waits until something answers there."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
