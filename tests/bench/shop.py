"""The demo's shop over HTTP: requests per second and CPU per request against an unprofiled twin."""

from __future__ import annotations

import json
import urllib.request

from tests.bench.collectors import Collector, collector
from tests.bench.servers import Server, running
from tests.bench.table import show, spread

ROUNDS, REQUESTS, WARM_UP = 15, 150, 300
PATH = "/products/7/quote?pieces=3"
TRACERS = ("off", "sampling", "exact")


def main() -> None:
    with collector() as there, running(_variants(there)) as servers:
        for server in servers:
            server.batch(WARM_UP, PATH)
        wall, cpu = _measure(servers)
        rows = [
            [
                server.name,
                spread([base / own for base, own in zip(wall["base"], wall[server.name], strict=True)]),
                spread([own / base for base, own in zip(cpu["base"], cpu[server.name], strict=True)]),
                f"{(server.rss_bytes() - servers[0].rss_bytes()) / (1 << 20):+.1f} MiB",
                _held(there, server.name),
            ]
            for server in servers[1:]
        ]
    show(
        f"The shop, {ROUNDS} rounds of {REQUESTS} requests, alternating, a report every 5 s",
        ["variant", "requests per second, ratio", "CPU per request, ratio", "resident set, difference", "agent holds"],
        rows,
    )


def _variants(there: Collector) -> dict[str, dict[str, str]]:
    on = {"HEAPTIDE_COLLECTOR": there.url, "HEAPTIDE_INTERVAL": "5"}
    traced = {f"agent, {name}": on | {"HEAPTIDE_TRACER": name, "HEAPTIDE_SERVICE": f"agent-{name}"} for name in TRACERS}
    return {"base": {}, "control (a second base)": {}, **traced}


def _measure(servers: list[Server]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    wall: dict[str, list[float]] = {server.name: [] for server in servers}
    cpu: dict[str, list[float]] = {server.name: [] for server in servers}
    for turn in range(ROUNDS):
        # Each round begins with another server, so that no variant always follows the same neighbour.
        for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
            seconds, cpu_s = server.batch(REQUESTS, PATH)
            wall[server.name].append(seconds)
            cpu[server.name].append(cpu_s)
    return wall, cpu


def _held(there: Collector, name: str) -> str:
    if not name.startswith("agent, "):
        return "-"
    service = name.replace(", ", "-")
    with urllib.request.urlopen(f"{there.url}/api/v1/services/{service}/workers", timeout=10) as answer:
        workers = json.load(answer)["workers"]
    return f"{workers[-1]['cost']['held_bytes'] / 1024:.0f} KiB"
