from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2
import pytest

from heaptide_server.store.sqlite import SqliteStore

KILLS = 5
SENDERS = 4


class Collector:
    """The real command in a process of its own, killed and started again on the same port and file."""

    def __init__(self, db) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.port = taken.getsockname()[1]
        self.command = [sys.executable, "-m", "heaptide", "serve", "--port", str(self.port), "--db", str(db)]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert b"Heaptide is at" in self.process.stdout.readline()

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self):
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture
def served(tmp_path):
    collector = Collector(tmp_path / "heaptide.db")
    collector.start()
    yield collector
    collector.process.terminate()
    collector.end()


def keep_sending(worker, port, post, done, acknowledged):
    """Sends report after report, each until it is acknowledged: what an agent does through an outage."""
    body = worker.body({1: 1000}, time.time())
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
        while not done.is_set():
            try:
                answer = post(client, body)
            except httpx2.TransportError:
                done.wait(0.02)
                continue
            assert answer.status_code == 200, answer.text
            worker.acknowledged = answer.json()["acknowledged"]
            assert worker.acknowledged == worker.sequence
            acknowledged[worker.key] = dict(worker.levels)
            body = worker.body({1: 64, 2 + worker.sequence % 3: 128 * worker.sequence}, time.time())


def test_kill_9_during_ingest_loses_and_repeats_nothing_that_was_acknowledged(served, tmp_path, sender, post):
    done, acknowledged = threading.Event(), {}
    workers = [sender(key=f"{number:032x}", pid=number, started_at=time.time()) for number in range(SENDERS)]
    threads = [
        threading.Thread(target=keep_sending, args=(worker, served.port, post, done, acknowledged))
        for worker in workers
    ]
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        count = len(acknowledged) and sum(worker.sequence for worker in workers)
        deadline = time.monotonic() + 20
        while sum(worker.sequence for worker in workers) < count + 40 and time.monotonic() < deadline:
            done.wait(0.01)
        served.kill()
        served.start()
    done.set()
    for thread in threads:
        thread.join()
    served.kill()

    store = SqliteStore(tmp_path / "heaptide.db")
    store.migrate()
    for worker in workers:
        known = store._writer.live[worker.key]
        # The last report may have been stored while its reply was lost: then it's the one that was still being sent.
        assert known.acknowledged in (worker.acknowledged, worker.sequence)
        held = worker.levels if known.acknowledged == worker.sequence else acknowledged[worker.key]
        levels = dict(zip(worker.lines, known.sites.values["bytes"].tolist(), strict=False))
        assert {line: value for line, value in levels.items() if value} == held
    now = time.time() + 1
    rows = store.top_growth("shop", None, now - 600, now, 10)
    live = sum(int(known.sites.values["bytes"].sum()) for known in store._writer.live.values())
    assert sum(row.growth_bytes for row in rows) == live - 1000 * SENDERS
    assert sum(known.acknowledged for known in store._writer.live.values()) > 40 * KILLS
    store.close()
    served.start()


def test_a_taken_port_is_said_in_a_sentence(served, tmp_path):
    again = subprocess.run(served.command, capture_output=True, text=True, timeout=20)
    assert again.returncode == 2
    assert f"Port {served.port} on 127.0.0.1 is taken" in again.stderr


def test_sigterm_ends_it_in_good_order(served):
    served.process.terminate()
    assert served.process.wait(20) == 0


def test_top_names_what_grows(served, sender, post):
    worker = sender()
    with httpx2.Client(base_url=f"http://127.0.0.1:{served.port}") as client:
        for change in ({1: 1000}, {1: 640_000}):
            worker.acknowledged = post(client, worker.body(change, time.time())).json()["acknowledged"]
    command = [sys.executable, "-m", "heaptide", "top", "--collector", f"http://127.0.0.1:{served.port}"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert shown.returncode == 0, shown.stderr
    assert "shop/app.py:1" in shown.stdout
    assert "640.0 kB" in shown.stdout
