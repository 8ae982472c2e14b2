"""The longest gap in an event loop while a tool looks for what holds an object, by number of live objects."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.table import show, spread

ROUNDS = 5
OBJECTS = (500_000, 1_000_000, 3_000_000)
MOST_SLOW = 1_000_000  # objects beyond which tools that take minutes are left out
SHAPES = {"tree": "orders alone", "graph": "orders that know their customer, who knows them"}
TITLES = {
    "nothing": "nothing (base)",
    "walk": "heaptide: one object's path",
    "diagnosis": "heaptide: a whole diagnosis of 8 sites",
    "census": "heaptide: count objects per type",
    "referrers": "gc.get_referrers, one hop",
    "backref_chain": "objgraph.find_backref_chain, in a thread",
    "backref_chain_in_the_loop": "objgraph.find_backref_chain, in the loop",
    "pympler": "pympler: muppy.get_objects",
    "guppy3": "guppy3: shortest path",
}
SLOW = ("backref_chain", "backref_chain_in_the_loop", "pympler", "guppy3")
HEADING = "Longest event-loop gap while a tool looks at a heap of {shape}, {rounds} alternating rounds"
HEAD = [
    "live objects",
    "tool",
    "longest gap",
    "over the base",
    "its fork",
    "beyond base and fork",
    "objgraph's in a thread over this",
    "in the loop",
]
TARGET = Path(__file__).with_name("diagnosis_target.py")

Run = dict[str, Any]


def main(sizes: tuple[int, ...] = OBJECTS) -> None:
    """Tools take turns in each round, and are compared with the base of their own round."""
    for shape, title in SHAPES.items():
        rows, told = [], []
        for objects in sizes:
            names = [name for name in TITLES if objects <= MOST_SLOW or name not in SLOW]
            rounds = [{name: _run(name, objects, shape) for name in names} for _ in range(ROUNDS)]
            rows += [_row(objects, name, rounds) for name in names]
            told += [[f"{objects:,}", TITLES[name], rounds[0][name]["told"]] for name in ("walk", "diagnosis")]
        show(HEADING.format(shape=title, rounds=ROUNDS), HEAD, rows)
        show("What was found meanwhile", ["live objects", "tool", "found"], told)


def _row(objects: int, name: str, rounds: Sequence[dict[str, Run]]) -> list[str]:
    runs = [one[name] for one in rounds]
    if "absent" in runs[0]:
        return [f"{objects:,}", TITLES[name], "not installed", "", "", "", "", ""]
    over = [one[name]["gap_s"] - one["nothing"]["gap_s"] for one in rounds]
    forks = [run["fork_s"] for run in runs if run["fork_s"] is not None]
    beyond = [gap - fork for gap, fork in zip(over, forks, strict=False)]
    return [
        f"{objects:,}",
        TITLES[name],
        _ms([run["gap_s"] for run in runs]),
        "" if name == "nothing" else _ms(over),
        _ms(forks) if forks else "",
        _ms(beyond) if forks else "",
        *(_times(rounds, other, name) for other in ("backref_chain", "backref_chain_in_the_loop")),
    ]


def _ms(values_s: Sequence[float]) -> str:
    return spread([value * 1e3 for value in values_s], "{:,.1f}") + " ms"


def _times(rounds: Sequence[dict[str, Run]], other: str, name: str) -> str:
    """How many times longer the other's gap is, by the median of the rounds."""
    if other not in rounds[0]:
        return ""
    return f"{median(one[other]['gap_s'] / one[name]['gap_s'] for one in rounds):,.1f} times"


def _run(name: str, objects: int, shape: str) -> Run:
    command = [sys.executable, str(TARGET), name, str(objects), shape]
    told: Run = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told
