"""What the collector knows of each server's workers, from their first report to their end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

# Servers that are started together, each as a service of its own: their waits overlap.
FAMILIES = {
    "uvicorn": ["uvicorn", "uvicorn_workers", "uvicorn_litestar", "uvicorn_django"],
    "gunicorn_wsgi": [
        "gunicorn_sync",
        "gunicorn_sync_preload",
        "gunicorn_gthread_flask",
        "gunicorn_gthread_preload_flask",
        "gunicorn_django",
        "gunicorn_hooks",
    ],
    "gunicorn_asgi": [
        "gunicorn_uvicorn_worker",
        "gunicorn_uvicorn_worker_preload",
        "gunicorn_asgi",
        "gunicorn_asgi_preload",
        "gunicorn_hooks_preload",
    ],
    "hypercorn_and_granian": [
        "hypercorn",
        "hypercorn_flask",
        "granian",
        "granian_litestar",
        "granian_flask",
        "granian_django",
    ],
    "celery_and_scripts": ["celery_prefork", "celery_solo", "django_runserver", "threads"],
    "run_gunicorn": [
        "run_gunicorn_sync",
        "run_gunicorn_uvicorn_worker_preload",
        "run_gunicorn_asgi",
        "run_celery_prefork",
    ],
    "run_others": ["run_uvicorn_workers", "run_hypercorn", "run_granian", "run_django_runserver"],
}


class Watched:
    """A server, and what the collector says of its workers. Of one with a single worker there are two, to end one in
    good order after a worker of the other was killed.
    """

    def __init__(self, name: str, launch: Callable[..., Any], commands: dict[str, Any], collector: Any) -> None:
        command = commands[name]
        self.name, self.replaces = name, command.replaces
        self._collector = collector
        url = str(collector.base_url).rstrip("/")
        self.servers = [launch(name, collector=url) for _ in range(2 if command.workers == 1 else 1)]
        self.count = max(2, command.workers)
        self.expected_requests = sum(server.requests for server in self.servers)
        self.killed = 0
        self.spared: set[int] = set()

    def workers(self, state: str | None = None) -> list[dict[str, Any]]:
        answer = self._collector.get(f"/api/v1/services/{self.name}/workers")
        known = answer.json()["workers"] if answer.status_code == 200 else []
        return [worker for worker in known if state in (None, worker["state"])]

    def pids(self, state: str | None = None) -> set[int]:
        return {worker["pid"] for worker in self.workers(state)}

    def requests(self) -> int:
        return sum(worker["requests"] for worker in self.workers())

    def at_work(self) -> bool:
        return len(self.pids("alive")) == self.count and self.requests() >= self.expected_requests

    def kill_one(self) -> None:
        pids = self.pids("alive")
        self.killed = next(pid for pid in pids if self.servers[0].runs(pid))
        self.spared = {pid for pid in pids if self.servers[-1].runs(pid)} - {self.killed}
        os.kill(self.killed, signal.SIGKILL)

    def replaced(self) -> bool:
        """Whether the killed one's slot has its next generation."""
        slot = next(worker["slot"] for worker in self.workers() if worker["pid"] == self.killed)
        return any(worker["slot"] == slot and worker["generation"] == 2 for worker in self.workers("alive"))

    def terminate(self) -> None:
        self.spared |= {pid for pid in self.pids("alive") - {self.killed} if self.servers[-1].runs(pid)}
        self.servers[-1].terminate()


def at_once(do: Callable[[Any], object], those: Sequence[Any]) -> None:
    with ThreadPoolExecutor(len(those)) as threads:
        list(threads.map(do, those))


def wait_for(what: str, holds: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"within {within_s} s not: {what}"
        time.sleep(0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_collector_knows_each_worker_its_requests_its_generation_and_its_end(
    launch, commands, collector, family
) -> None:
    services = [Watched(name, launch, commands, collector) for name in FAMILIES[family]]
    servers = [server for service in services for server in service.servers]
    for server in servers:
        server.wait_until_up()
    at_once(lambda server: server.ask(), servers)

    for service in services:
        wait_for(f"{service.count} workers of {service.name} alive and all requests counted", service.at_work)
    for service in services:
        assert service.requests() == service.expected_requests, service.name
        assert sorted(w["slot"] for w in service.workers()) == list(range(1, service.count + 1)), service.name
        assert {w["generation"] for w in service.workers()} == {1}, service.name
        masters = {server.process.pid for server in service.servers} - service.pids()
        assert len(masters) == (len(service.servers) if needs_master(service.name) else 0), service.name

    for service in services:
        service.kill_one()
    for service in services:
        if service.replaces:
            wait_for(f"{service.name} has a successor", service.replaced)
    at_once(lambda service: service.terminate(), services)
    for service in services:
        assert service.spared, service.name
        wait_for(
            f"the others of {service.name} ended in good order",
            lambda service=service: service.spared <= service.pids("ended"),
        )
        assert {w["end_reason"] for w in service.workers("ended")} == {"final"}, service.name
        wait_for(
            f"the killed one of {service.name}, alone, is missing",
            lambda service=service: service.pids("missing") == {service.killed},
        )


def needs_master(name: str) -> bool:
    """Whether the process that was started only looks after those that serve."""
    alone = ("uvicorn", "uvicorn_litestar", "uvicorn_django", "celery_solo", "threads")
    return name not in alone
