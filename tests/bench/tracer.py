"""What each memory profiler costs: CPU over an unprofiled twin, request by request and loop by loop.

    python -m tests.bench.tracer [--lives 5] [--rounds 15] [--only NAME ...]

Every variant is a server of its own, alive all the time, on one core; short batches rotate over them from the other.
All are started anew for each of the lives, for where the loader puts a process costs or saves a few per cent.
The peers take part where they are installed: memray, ddtrace, pyroscope-io, mprofile.
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
    "mprofile, 128 KiB": "mprofile",
    "memray": "memray",
    "memray, Python's allocators": "memray",
}
# Those that cost several times the base take part in the first round of each life only.
SLOW = {"tracemalloc, 1 frame", "tracemalloc, 10 frames", "memray", "memray, Python's allocators"}
# A path, and requests in a batch: each takes some 50 ms unprofiled.
REQUESTS = {"quote (2 KB)": ("/quote", 40), "5,000 dicts": ("/dicts", 12)}
LOOPS = ("json", "objects", "strings", "dicts", "lists", "constraints", "numbers", "generators", "exceptions", "regex")


def main(lives: int = 5, rounds: int = 15, only: Sequence[str] = ()) -> None:
    names = [name for name in only or PROFILERS if importlib.util.find_spec(PROFILERS[name])]
    environment = {"PYTHONPATH": str(Path(__file__).parent), "PYTHONHASHSEED": "1"}
    variants = {name: environment | {"BENCH_PROFILER": name} for name in ("base", "control", *names)}
    batches = REQUESTS | {loop: (f"/loops/{loop}", 1) for loop in LOOPS}
    ratios: dict[str, dict[str, list[float]]] = {label: {name: [] for name in variants} for label in batches}
    for _ in range(lives):
        with running(variants, "tracer_service:app") as servers:
            for label, batch in batches.items():
                # What people serve is worth the steadier figure.
                _measure(servers, *batch, rounds * 4 if label in REQUESTS else rounds, ratios[label])
    _show(["control", *names], ratios)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=[], choices=list(PROFILERS), metavar="NAME")
    return parser.parse_args()


def _measure(servers: list[Server], path: str, requests: int, rounds: int, ratios: dict[str, list[float]]) -> None:
    """Adds, for each server and round, the CPU of its batch over that of the base's in the same round."""
    for server in servers:
        if server.name not in SLOW:
            server.batch(requests, path)
    for turn in range(rounds):
        # Each round begins with another server, so that no variant always follows the same neighbour.
        taking = [server for server in servers if not turn or server.name not in SLOW]
        order = taking[turn % len(taking) :] + taking[: turn % len(taking)]
        cpu_s = {server.name: server.batch(requests, path)[1] for server in order}
        for name, own in cpu_s.items():
            ratios[name].append(own / cpu_s["base"])


def _show(names: list[str], ratios: dict[str, dict[str, list[float]]]) -> None:
    rows = [[label, *(spread(own[name], "{:.3f}") for name in names)] for label, own in ratios.items()]
    loops = [ratios[loop] for loop in LOOPS]
    means = [math.prod(median(own[name]) for own in loops) ** (1 / len(loops)) for name in names]
    rows.append([f"geometric mean of {len(LOOPS)} loops", *(f"{mean:.3f}" for mean in means)])
    served, looped = (len(ratios[label]["control"]) for label in ("quote (2 KB)", "json"))
    show(
        f"CPU over an unprofiled twin, {served} rounds of requests, {looped} of loops: median (middle half)",
        ["work", *names],
        rows,
    )


if __name__ == "__main__":
    main(**vars(_options()))
