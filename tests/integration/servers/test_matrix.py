"""What the collector knows of each server's workers, from their first report to their end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
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
    "hypercorn_and_granian": ["hypercorn", "hypercorn_flask", "granian", "granian_litestar", "granian_flask"],
    "celery_and_scripts": ["celery_prefork", "celery_solo", "celery_threads", "django_runserver", "threads"],
    "run_gunicorn": ["run_gunicorn_sync", "run_gunicorn_uvicorn_worker_preload", "run_gunicorn_asgi"],
    "run_others": ["run_uvicorn_workers", "run_hypercorn", "run_granian", "run_django_runserver"],
}
REQUESTS = 10


class Watched:
    """A server, or two of those that don't outlive a kill, and what the collector says of their workers."""

    def __init__(self, name: str, launch: Callable[..., Any], commands: dict[str, Any], collector: Any) -> None:
        command = commands[name]
        self.name, self.replaces = name, command.replaces
        self._collector = collector
        url = str(collector.base_url).rstrip("/")
        self.servers = [launch(name, collector=url) for _ in range(2 if command.workers == 1 else 1)]
        self.count = max(2, command.workers)
        self.killed = 0

    def workers(self, state: str | None = None) -> list[dict[str, Any]]:
        answer = self._collector.get(f"/api/v1/services/{self.name}/workers")
        known = answer.json()["workers"] if answer.status_code == 200 else []
        return [worker for worker in known if state in (None, worker["state"])]

    def pids(self, state: str | None = None) -> set[int]:
        return {worker["pid"] for worker in self.workers(state)}

    def requests(self) -> int:
        return sum(worker["requests"] for worker in self.workers())

    def kill_one(self) -> None:
        self.killed = self.workers("alive")[0]["pid"]
        os.kill(self.killed, signal.SIGKILL)

    def successor(self) -> dict[str, Any] | None:
        """The worker that took the killed one's slot."""
        slots = {worker["pid"]: worker["slot"] for worker in self.workers()}
        later = [w for w in self.workers("alive") if w["generation"] == 2 and w["slot"] == slots[self.killed]]
        return later[0] if later else None


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
    for service in services:
        for server in service.servers:
            server.wait_until_up()
            server.ask(REQUESTS)

    expected = {service.name: REQUESTS * len(service.servers) for service in services}
    for service in services:
        wait_for(
            f"{service.count} workers of {service.name} alive, {expected[service.name]} requests",
            lambda service=service: (
                len(service.pids("alive")) == service.count and service.requests() >= expected[service.name]
            ),
        )
    for service in services:
        assert service.requests() == expected[service.name], service.name
        assert sorted(w["slot"] for w in service.workers()) == list(range(1, service.count + 1)), service.name
        assert {w["generation"] for w in service.workers()} == {1}, service.name
        masters = {server.process.pid for server in service.servers} - service.pids()
        assert len(masters) == (len(service.servers) if needs_master(service.name) else 0), service.name

    for service in services:
        service.kill_one()
    for service in services:
        if service.replaces:
            wait_for(f"{service.name} has a successor", lambda service=service: service.successor() is not None)
    for service in services:
        for server in service.servers:
            server.terminate()
    for service in services:
        rest = service.pids() - {service.killed}
        assert len(rest) == service.count - 1 + service.replaces, service.name
        wait_for(
            f"the others of {service.name} ended in good order",
            lambda service=service, rest=rest: service.pids("ended") == rest,
        )
        assert {w["end_reason"] for w in service.workers("ended")} == {"final"}, service.name
        wait_for(
            f"the killed one of {service.name} is missing",
            lambda service=service: service.pids("missing") == {service.killed},
        )


def needs_master(name: str) -> bool:
    """Whether the process that was started only looks after those that serve."""
    alone = ("uvicorn", "uvicorn_litestar", "uvicorn_django", "celery_solo", "celery_threads", "threads")
    return name not in alone
