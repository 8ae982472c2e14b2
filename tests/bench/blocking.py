"""How many of a hundred stalls are named by their function, how many steps of crowds are named as if they were stalls,
and what watching costs an idle and a busy loop.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.bench.table import show, spread

LOOPS = ("asyncio", "uvloop")
PAIRS, SECONDS = 5, 4.0
TARGET = Path(__file__).with_name("blocking_target.py")


LONG_S, SHORT_S = 0.5, 0.09  # the longest of the stalls


def main() -> None:
    named(LONG_S)
    named(SHORT_S)
    crowded()
    costs()


def named(longest_s: float) -> None:
    rows = []
    for loop in LOOPS:
        verdicts = _run(loop, "stalls", str(longest_s))
        rows.append([loop, *(f"{verdicts[name]:.0f}" for name in ("right", "wrong", "missed"))])
    show(
        f"100 stalls of 50 to {1e3 * longest_s:.0f} ms: sleeps, a socket, SQLite, computing, and a C call that holds "
        "the GIL",
        ["loop", "named by its function", "named by another", "not seen"],
        rows,
    )


def crowded() -> None:
    rows = []
    for loop in LOOPS:
        found = _run(loop, "crowds")
        rows.append([loop, f"{found['seen']:.0f}", f"{found['blamed']:.0f}"])
    show(
        "100 crowds of 10 to 30 tasks that take three steps of 3 ms in turn: the same kinds of steps",
        ["loop", "stalls seen", "steps named as blocking"],
        rows,
    )


def costs() -> None:
    rows = []
    for loop in LOOPS:
        for kind in ("idle", "busy"):
            extra, own = _shares(loop, kind)
            rows.append([loop, kind, spread(own, "{:.3f} %"), spread(extra, "{:.3f} %")])
    show(
        f"CPU that watching takes, of one CPU, in {SECONDS:.0f} s; busy is 50 % of a CPU; {PAIRS} alternating pairs",
        ["loop", "state", "the watch's thread", "the whole process, watched less base"],
        rows,
    )


def _shares(loop: str, kind: str) -> tuple[list[float], list[float]]:
    extra, own = [], []
    for _ in range(PAIRS):
        base = _run(loop, kind, str(SECONDS), "base")
        watched = _run(loop, kind, str(SECONDS), "watched")
        extra.append(100 * (watched["cpu_s"] - base["cpu_s"]) / watched["elapsed_s"])
        own.append(100 * watched["watch_s"] / watched["elapsed_s"])
    return extra, own


def _run(*arguments: str) -> dict[str, float]:
    output = subprocess.run([sys.executable, str(TARGET), *arguments], check=True, stdout=subprocess.PIPE).stdout
    told: dict[str, float] = json.loads(output)
    return told


if __name__ == "__main__":
    main()
