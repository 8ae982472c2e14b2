"""The longest gap in an event loop while a tool looks for what holds an object, by number of live objects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.table import show, spread

RUNS = 3
OBJECTS = (500_000, 1_000_000, 3_000_000)
MOST_SLOW = 1_000_000  # objects beyond which tools that take minutes are left out
TITLES = {
    "nothing": "nothing (base)",
    "walk": "heaptide: walk in a forked child",
    "census": "heaptide: count objects per type",
    "referrers": "gc.get_referrers, one hop",
    "backref_chain": "objgraph.find_backref_chain",
    "pympler": "pympler: muppy.get_objects",
    "guppy3": "guppy3: shortest path",
}
SLOW = ("backref_chain", "pympler", "guppy3")
TARGET = Path(__file__).with_name("diagnosis_target.py")


def main(sizes: tuple[int, ...] = OBJECTS) -> None:
    rows = []
    for objects in sizes:
        names = [name for name in TITLES if objects <= MOST_SLOW or name not in SLOW]
        told: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for _ in range(RUNS):
            for name in names:
                told[name].append(_run(name, objects))
        rows += [_row(objects, name, runs) for name, runs in told.items()]
    show(
        f"Longest event-loop gap while a tool looks at the heap, {RUNS} alternating runs",
        ["live objects", "tool", "longest gap", "told"],
        rows,
    )


def _row(objects: int, name: str, runs: list[dict[str, Any]]) -> list[str]:
    if "absent" in runs[0]:
        return [f"{objects:,}", TITLES[name], "not installed", ""]
    gaps_ms = [run["gap_s"] * 1e3 for run in runs]
    return [f"{objects:,}", TITLES[name], spread(gaps_ms, "{:,.1f} ms"), runs[0]["told"] if name == "walk" else ""]


def _run(name: str, objects: int) -> dict[str, Any]:
    command = [sys.executable, str(TARGET), name, str(objects)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told
