"""The demo's shop over HTTP under the whole agent: CPU per request, requests per second, against an unprofiled twin."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any

from tests.bench.collectors import Collector, collector
from tests.bench.servers import Server, running
from tests.bench.table import show, spread

REQUESTS, WARM_UP, INTERVAL_S = 60, 300, 5
PATH = "/products/7/quote?pieces=3"
# Tracers side by side, lives of the servers and rounds in each: the exact one is so slow that a few rounds show it.
GROUPS = ((("off", "sampling"), 6, 150), (("exact",), 1, 20))


def main() -> None:
    rows = [row for group in GROUPS for row in _rows(*group)]
    show(
        f"The shop, alternating rounds of {REQUESTS} requests, a report every {INTERVAL_S} s",
        ["variant", "rounds", "requests per second", "CPU per request", "CPU of the agent's thread", "the agent holds"],
        rows,
    )


def _rows(tracers: Sequence[str], lives: int, rounds: int) -> list[list[str]]:
    wall: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    costs: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for _ in range(lives):
        with collector() as there, running(_variants(there, tracers)) as servers:
            for server in servers:
                server.batch(WARM_UP, PATH)
            agents = [server.name for server in servers[2:]]
            before = [_worker(there, name) for name in agents]
            _measure(servers, rounds, wall, cpu)
            for name, first in zip(agents, before, strict=True):
                costs.setdefault(name, []).append((first, _worker(there, name)))
    return [
        [
            name,
            str(len(own)),
            spread([base / own for base, own in zip(wall["base"], wall[name], strict=True)], "{:.3f}"),
            spread([own / base for base, own in zip(cpu["base"], own, strict=True)], "{:.3f}"),
            *_own_cost(costs.get(name, [])),
        ]
        for name, own in cpu.items()
        if name != "base"
    ]


def _variants(there: Collector, tracers: Sequence[str]) -> dict[str, dict[str, str]]:
    on = {"HEAPTIDE_COLLECTOR": there.url, "HEAPTIDE_INTERVAL": str(INTERVAL_S)}
    traced = {f"agent, {name}": on | {"HEAPTIDE_TRACER": name, "HEAPTIDE_SERVICE": f"agent-{name}"} for name in tracers}
    return {"base": {}, "control (a second base)": {}, **traced}


def _measure(servers: list[Server], rounds: int, wall: dict[str, list[float]], cpu: dict[str, list[float]]) -> None:
    for turn in range(rounds):
        # Each round begins with another server, so that no variant always follows the same neighbour.
        order = servers[turn % len(servers) :] + servers[: turn % len(servers)]
        took = {server.name: server.batch(REQUESTS, PATH) for server in order}
        for server in servers:
            wall.setdefault(server.name, []).append(took[server.name][0])
            cpu.setdefault(server.name, []).append(took[server.name][1])


def _worker(there: Collector, name: str) -> dict[str, Any]:
    service = name.replace(", ", "-")
    with urllib.request.urlopen(f"{there.url}/api/v1/services/{service}/workers", timeout=10) as answer:
        workers: list[dict[str, Any]] = json.load(answer)["workers"]
    return workers[-1]


def _own_cost(workers: list[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[str, str]:
    """CPU of the agent's thread between two of its reports as a share of one core, and the memory it says it holds."""
    if not workers:
        return "-", "-"
    cpu_s = sum(last["cost"]["cpu_s"] - first["cost"]["cpu_s"] for first, last in workers)
    passed_s = sum(_reported_at(last) - _reported_at(first) for first, last in workers)
    held = median(last["cost"]["held_bytes"] for _, last in workers)
    return f"{cpu_s / passed_s:.3%}", f"{held / 1024:,.0f} KiB"


def _reported_at(worker: dict[str, Any]) -> float:
    return datetime.fromisoformat(worker["last_seen"]).timestamp()
