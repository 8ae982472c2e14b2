"""Two collectors in threads, the real one and one that records what it is sent, and a real PostgreSQL."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from heaptide_server.app import create_app
from heaptide_server.settings import Settings

MAX_CONNECTIONS = 20  # of the PostgreSQL
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root


class RecordingCollector(ThreadingHTTPServer):
    """Keeps every report that it accepted, in `reports`, and every event, in `events`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reports: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.fail_with: int | None = None
        self._acknowledged: dict[str, int] = {}
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def take(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with self._guard:
            if self.fail_with is not None:
                return self.fail_with, {"error": {"message": "told to fail"}}
            if path == "/api/v1/events":
                self.events.append(body)
                return 202, {}
            return self._take_report(body)

    def _take_report(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key = body["worker"]["key"]
        last = self._acknowledged.get(key, 0)
        if body["sequence"] > last:
            if body["base"] not in (0, last):
                return 409, {"error": {"message": "gap"}, "acknowledged": last}
            self.reports.append(body)
            self._acknowledged[key] = body["sequence"]
        return 200, {"acknowledged": max(last, body["sequence"]), "requests": []}

    def pids(self, *, final: bool | None = None) -> set[int]:
        return {r["worker"]["pid"] for r in list(self.reports) if final is None or r["final"] == final}

    def requests(self) -> int:
        return sum(report["requests"] for report in list(self.reports))

    def wait_until(self, holds: Callable[[], bool], what: str, timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}; reports from {self.pids()}"
            time.sleep(0.02)


class _Handler(BaseHTTPRequestHandler):
    server: RecordingCollector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = self.server.take(self.path, json.loads(gzip.decompress(body)))
        encoded = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recording_collector() -> Iterator[RecordingCollector]:
    with RecordingCollector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.02,))
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[httpx2.Client]:
    """The real collector on an empty store."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        app = create_app(Settings(db=tmp_path / "heaptide.db", port=port))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
                client.get("/healthz").raise_for_status()
                yield client
        finally:
            server.should_exit = True
            thread.join()


def binary(name: str) -> Path | None:
    """Debian keeps the server's programs out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name)
    return debian[-1] if debian else Path(found) if found else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Its address, "127.0.0.1:PORT"; everybody may log in as `tester`."""
    initdb, server = binary("initdb"), binary("postgres")
    if initdb is None or server is None:
        pytest.skip("no PostgreSQL here: `make database` installs it where this user may")
    user = UNPRIVILEGED if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="heaptide-postgres-") as folder, socket.socket() as probe:
        if user:
            shutil.chown(folder, user)
        subprocess.run(
            [initdb, "-D", f"{folder}/data", "-A", "trust", "-U", "tester", "--no-sync", "--locale=C", "-E", "UTF8"],
            user=user, check=True, stdout=subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        options = {"listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": str(MAX_CONNECTIONS)}
        command = [server, "-D", f"{folder}/data", "-p", str(port), "-k", folder]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL) as process:
            try:
                await_port(port, process)
                yield f"127.0.0.1:{port}"
            finally:
                process.send_signal(signal.SIGINT)  # a fast shutdown: open sessions are closed


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "PostgreSQL ended by itself"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline, "PostgreSQL doesn't listen after 60 s"
            time.sleep(0.05)
        else:
            return
