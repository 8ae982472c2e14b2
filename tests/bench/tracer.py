"""What each memory profiler costs: CPU over an unprofiled twin, request by request and loop by loop.

    python -m tests.bench.tracer [--rounds 15] [--only NAME ...]

Every variant is a server of its own, alive all the time, on one core; short batches rotate over them from the other.
The peers take part where they are installed: memray, ddtrace, pyroscope-io.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.bench.servers import Server, running
from tests.bench.table import show, spread

# The name of the profiler (see tracer_service.py), and the package that it needs.
PROFILERS = {
    "heaptide, 512 KiB": "heaptide",
    "heaptide, 64 KiB": "heaptide",
    "tracemalloc, 1 frame": "tracemalloc",
    "tracemalloc, 10 frames": "tracemalloc",
    "ddtrace, 512 KiB": "ddtrace",
    "pyroscope-io, 512 KiB": "pyroscope",
    "memray": "memray",
}
# A path, and requests in a batch: each takes some 50 ms unprofiled.
REQUESTS = {"quote (2 KB)": ("/quote", 40), "5,000 dicts": ("/dicts", 12)}
LOOPS = ("json", "objects", "strings", "dicts", "lists", "constraints", "numbers", "generators", "exceptions", "regex")


def main(rounds: int = 15, only: Sequence[str] = ()) -> None:
    names = [name for name in only or PROFILERS if importlib.util.find_spec(PROFILERS[name])]
    environment = {"PYTHONPATH": str(Path(__file__).parent)}
    variants = {name: environment | {"BENCH_PROFILER": name} for name in ("base", "control", *names)}
    batches = REQUESTS | {loop: (f"/loops/{loop}", 1) for loop in LOOPS}
    with running(variants, "tracer_service:app") as servers:
        ratios = {label: _measure(servers, *batch, rounds) for label, batch in batches.items()}
    _show(["control", *names], ratios, rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=[], choices=list(PROFILERS), metavar="NAME")
    return parser.parse_args()


def _measure(servers: list[Server], path: str, requests: int, rounds: int) -> dict[str, list[float]]:
    """CPU of each batch over that of the base's batch in the same round."""
    for server in servers:
        server.batch(requests, path)
    ratios: dict[str, list[float]] = {server.name: [] for server in servers}
    for turn in range(rounds):
        # Each round begins with another server, so that no variant always follows the same neighbour.
        order = servers[turn % len(servers) :] + servers[: turn % len(servers)]
        cpu_s = {server.name: server.batch(requests, path)[1] for server in order}
        for name, own in cpu_s.items():
            ratios[name].append(own / cpu_s["base"])
    return ratios


def _show(names: list[str], ratios: dict[str, dict[str, list[float]]], rounds: int) -> None:
    rows = [[label, *(spread(own[name]) for name in names)] for label, own in ratios.items()]
    loops = [ratios[loop] for loop in LOOPS]
    means = [math.prod(median(own[name]) for own in loops) ** (1 / len(loops)) for name in names]
    rows.append([f"geometric mean of {len(LOOPS)} loops", *(f"{mean:.3f}" for mean in means)])
    show(f"CPU over an unprofiled twin, {rounds} rounds: median (middle half)", ["work", *names], rows)


if __name__ == "__main__":
    main(**vars(_options()))
