"""Real servers, as users run them: reports come from exactly the processes that serve, and the last one arrives."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from heaptide import wire

TARGETS = Path(__file__).parents[1] / "targets" / "servers"
BIN = Path(sys.executable).parent

UVICORN = [BIN / "uvicorn", "{app}:app", "--port", "{port}", "--log-level", "warning"]
GUNICORN = [BIN / "gunicorn", "{app}:app", "-b", "127.0.0.1:{port}", "--log-level", "warning", "-w"]
UVICORN_WORKER = ["-k", "uvicorn_worker.UvicornWorker"]

# name: (command, the app's interface, processes that serve)
SERVERS = {
    "uvicorn": (UVICORN, "asgi", 1),
    "uvicorn_workers": ([*UVICORN, "--workers", "2"], "asgi", 2),
    "gunicorn_sync": ([*GUNICORN, "2"], "wsgi", 2),
    "gunicorn_sync_preload": ([*GUNICORN, "2", "--preload"], "wsgi", 2),
    "gunicorn_uvicorn_worker": ([*GUNICORN, "2", *UVICORN_WORKER], "asgi", 2),
    "gunicorn_uvicorn_worker_preload": ([*GUNICORN, "2", "--preload", *UVICORN_WORKER], "asgi", 2),
    "gunicorn_asgi": ([*GUNICORN, "2", "-k", "asgi"], "asgi", 2),
    "gunicorn_asgi_preload": ([*GUNICORN, "2", "--preload", "-k", "asgi"], "asgi", 2),
}
CALLED = [pytest.param(name, False, id=name) for name in SERVERS]
RUN = [
    pytest.param(name, True, id=f"run_{name}")
    for name in ("uvicorn_workers", "gunicorn_sync", "gunicorn_uvicorn_worker_preload", "gunicorn_asgi")
]


class Server:
    """A server's process group on a port of its own."""

    def __init__(self, name: str, run: bool, collector: str, port: int) -> None:
        command, interface, self.workers = SERVERS[name]
        app = f"{'plain' if run else 'shop'}_{interface}"
        words = [str(word).format(app=app, port=port) for word in command]
        self.port = port
        self.process = subprocess.Popen(
            [str(BIN / "heaptide"), "run", "--", *words] if run else words,
            cwd=TARGETS,
            env=environment(collector),
            start_new_session=True,
        )

    def get(self) -> int:
        """Asks for /; which process answered."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
            pid: int = json.load(answer)["pid"]
            return pid

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert self.process.poll() is None, "the server ended"
                assert time.monotonic() < deadline, "the server isn't up within 30 s"
                time.sleep(0.02)
            else:
                return

    def terminate(self) -> float:
        """Ends it in good order; how many seconds that took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(timeout=10)


def environment(collector: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
    return clean | {"HEAPTIDE_COLLECTOR": collector, "HEAPTIDE_INTERVAL": "0.5", "HEAPTIDE_TRACER": "off"}


Launch = Callable[..., Server]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Starts a server of the table, and makes sure that nothing of it stays."""
    servers: list[Server] = []

    def start(name: str, *, run: bool, collector: str) -> Server:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        servers.append(Server(name, run, collector, port))
        servers[-1].wait_until_up()
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def workers_of(collector) -> list[dict]:
    services = [service["service"] for service in collector.get("/api/v1/services").json()["services"]]
    return [w for name in services for w in collector.get(f"/api/v1/services/{name}/workers").json()["workers"]]


def wait_for(what: str, condition: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"within {within_s} s not: {what}"
        time.sleep(0.1)


@pytest.mark.parametrize("name", SERVERS)
def test_the_collector_knows_each_worker_its_generation_and_its_death(launch, collector, name) -> None:
    server = launch(name, run=False, collector=str(collector.base_url).rstrip("/"))

    def by_pid(state: str) -> dict[int, dict]:
        return {worker["pid"]: worker for worker in workers_of(collector) if worker["state"] == state}

    wait_for(f"{server.workers} workers alive", lambda: len(by_pid("alive")) == server.workers)
    alive = by_pid("alive")
    assert {worker["generation"] for worker in alive.values()} == {1}
    assert sorted(worker["slot"] for worker in alive.values()) == list(range(1, server.workers + 1))

    killed = server.get()
    assert killed in alive
    os.kill(killed, signal.SIGKILL)
    wait_for("the killed worker is missing", lambda: killed in by_pid("missing"))
    if server.workers > 1:
        wait_for("its successor is alive", lambda: len(by_pid("alive")) == server.workers)
        (successor,) = by_pid("alive").keys() - alive.keys()
        worker = by_pid("alive")[successor]
        assert (worker["slot"], worker["generation"]) == (alive[killed]["slot"], 2)
        remaining = by_pid("alive").keys()
        server.terminate()
        wait_for("the others ended in good order", lambda: by_pid("ended").keys() == remaining)


@pytest.mark.parametrize(("name", "run"), CALLED + RUN)
def test_reports_come_from_the_serving_processes_alone_and_the_last_one_arrives(
    launch, recording_collector, name, run
) -> None:
    server = launch(name, run=run, collector=recording_collector.url)
    recording_collector.wait_until(
        lambda: len(recording_collector.pids()) == server.workers, f"{server.workers} workers report"
    )
    served = {server.get() for _ in range(20)}
    recording_collector.wait_until(lambda: recording_collector.requests() >= 20, "20 requests are reported")
    server.terminate()

    pids = recording_collector.pids()
    assert len(pids) == server.workers
    assert served <= pids
    assert server.workers == 1 or server.process.pid not in pids
    assert recording_collector.requests() == 20
    assert recording_collector.pids(final=True) == pids
    keys = {report["worker"]["key"] for report in recording_collector.reports}
    assert len(keys) == server.workers


@pytest.mark.parametrize("name", ["uvicorn_workers", "gunicorn_sync", "gunicorn_uvicorn_worker", "gunicorn_asgi"])
def test_a_killed_worker_says_nothing_more_and_its_successor_is_another(launch, recording_collector, name) -> None:
    server = launch(name, run=False, collector=recording_collector.url)
    recording_collector.wait_until(lambda: len(recording_collector.pids()) == server.workers, "all workers report")
    killed = server.get()
    os.kill(killed, signal.SIGKILL)
    recording_collector.wait_until(lambda: len(recording_collector.pids()) == 3, "the successor reports")
    server.terminate()

    assert killed not in recording_collector.pids(final=True)
    assert len(recording_collector.pids(final=True)) == 2


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn_sync", "gunicorn_uvicorn_worker", "gunicorn_asgi"])
def test_a_collector_that_never_answers_holds_the_exit_no_longer_than_its_deadline(launch, name) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = launch(name, run=False, collector=f"http://127.0.0.1:{silent.getsockname()[1]}")
        server.get()
        silent.settimeout(10)
        silent.accept()[0].close()
        assert server.terminate() < 2.5 + 1.5  # the servers themselves take up to 1.5 s


def test_a_worker_recycled_by_max_requests_reports_its_end(launch, recording_collector, monkeypatch) -> None:
    command, interface, workers = SERVERS["gunicorn_uvicorn_worker"]
    monkeypatch.setitem(SERVERS, "recycling", ([*command, "--max-requests", "5"], interface, workers))
    server = launch("recycling", run=False, collector=recording_collector.url)
    for _ in range(12):
        server.get()
    recording_collector.wait_until(lambda: bool(recording_collector.pids(final=True)), "a recycled worker's end")


@pytest.mark.parametrize("collector", ["http://", "nonsense", "http://127.0.0.1:99999999", "ftp://x", "http://[::bad"])
def test_the_app_starts_and_serves_whatever_the_collector_is_set_to(launch, collector) -> None:
    server = launch("uvicorn", run=False, collector=collector)
    assert server.get() == server.process.pid
    assert server.terminate() < 2.5 + 1.5


def test_a_child_forked_while_a_lock_is_held_is_armed_and_starts_when_it_counts(recording_collector) -> None:
    done = subprocess.run(
        [sys.executable, str(TARGETS / "forks.py")],
        env=environment(recording_collector.url),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stdout.split() == ["armed", "running", "3"], done.stderr
    assert recording_collector.requests() == 3


def test_the_growth_of_a_leaking_line_adds_up_in_the_reports(recording_collector) -> None:
    line = 1 + (TARGETS / "leaks.py").read_text().splitlines().index(
        "    KEPT.append([bytes(10_000) for _ in range(105)])"
    )
    with subprocess.Popen(
        [sys.executable, str(TARGETS / "leaks.py")],
        env=environment(recording_collector.url) | {"HEAPTIDE_TRACER": "exact"},
        stdin=subprocess.PIPE,
    ) as leaking:
        recording_collector.wait_until(lambda: len(recording_collector.reports) >= 3, "three reports")
        leaking.communicate()

    sizes: dict[tuple[str, int, bool], int] = {}
    sites: list[tuple[str, int, bool]] = []
    for report in recording_collector.reports:
        changes = report["sites"]
        for stack in changes["define"]:
            file, _, number, in_app = changes["frames"][stack[0]] if stack else ("", "", 0, False)
            sites.append((file, number, in_app))
        ids, columns = wire.unpack(b64decode(changes["changes"]))
        for at, size in zip(ids, columns.get("bytes", []), strict=True):
            sizes[sites[at]] = sizes.get(sites[at], 0) + size
    assert max(sizes, key=sizes.__getitem__) == ("leaks.py", line, True)
    assert sizes["leaks.py", line, True] > 10 << 20
    assert recording_collector.reports[-1]["final"]
