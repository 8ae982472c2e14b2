"""Variants of one service, kept alive side by side so that short batches can alternate between them."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from heaptide_server.demo.truth import FOLDER

CLIENT_CORE, SERVER_CORE = 0, (os.cpu_count() or 1) - 1


@dataclass
class Server:
    """One uvicorn process with the demo's shop, on the servers' core."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    def batch(self, requests: int, path: str) -> tuple[float, float]:
        """Asks that many times over one connection; returns the seconds passed and the CPU seconds the process took."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        cpu, began = self._cpu_s(), time.perf_counter()
        for _ in range(requests):
            connection.request("GET", path)
            connection.getresponse().read()
        wall = time.perf_counter() - began
        connection.close()
        return wall, self._cpu_s() - cpu

    def rss_bytes(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def _cpu_s(self) -> float:
        # schedstat counts nanoseconds where stat counts ticks of 10 ms.
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9


@contextmanager
def running(variants: Mapping[str, Mapping[str, str]], app: str = "shop.main:app") -> Iterator[list[Server]]:
    """Starts a server for each variant's environment; all share one core, and this process keeps to the other."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    with ExitStack() as stack:
        servers = []
        for name, environment in variants.items():
            server = Server(name, *_start(environment, app))
            stack.callback(server.process.wait)
            stack.callback(server.process.terminate)
            servers.append(server)
        for server in servers:
            _await(server)
        yield servers


def _start(environment: Mapping[str, str], app: str) -> tuple[subprocess.Popen[bytes], int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "uvicorn", "--port", str(port), app]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
    process = subprocess.Popen(
        [*command, "--log-level", "warning"], env={**inherited, "PYTHONPATH": str(FOLDER), **environment}
    )
    return process, port


def _await(server: Server) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            server.batch(1, "/products/1/quote")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the {server.name} server didn't come up")
