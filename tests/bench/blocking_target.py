"""An event loop that is blocked or crowded a hundred times, or idle, or busy; prints what the watch made of it, or its
cost.

blocking_target.py asyncio|uvloop stalls LONGEST_S
blocking_target.py asyncio|uvloop crowds
blocking_target.py asyncio|uvloop idle|busy SECONDS watched|base
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import uvloop

from heaptide.gate import Gate
from heaptide.probes.blocking import BlockingProbe

STALLS, SHORTEST_S = 100, 0.05
STEPS, STEP_S = 3, 0.003  # of a task in a crowd; on average
CROWD_S = (0.03, 0.09)  # all tasks' first steps together
BUSY_S, PAUSE_S = 0.004, 0.004  # half of one CPU; whole milliseconds, for uvloop's timers know no less
MIXED_IN_BUSY = 3600  # calls of `_mixed` that take about BUSY_S: the same work in each run
WARM_UP_S = 1.5


def sleeps(seconds: float) -> None:
    time.sleep(seconds)


def reads_a_socket(seconds: float) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(seconds)
    with contextlib.suppress(TimeoutError):
        ours.recv(1)
    ours.close()
    theirs.close()


def computes(seconds: float) -> None:
    until, total = time.thread_time() + seconds, 0  # of its own: what others take isn't its doing
    while time.thread_time() < until:
        total = _mixed(total)


def _mixed(total: int) -> int:
    return sum(range(total % 100))


def asks_sqlite(seconds: float) -> None:
    connection = sqlite3.connect(":memory:")
    until = time.thread_time() + seconds
    connection.create_function("late", 0, lambda: time.thread_time() > until)
    connection.execute(
        "with recursive n(i) as (select 1 union all select i + 1 from n where not late()) select max(i) from n"
    ).fetchone()


def holds_the_gil(seconds: float) -> None:
    sum(range(int(seconds * _SUMS_PER_S)))


def _sums_per_s() -> float:
    began = time.thread_time()
    sum(range(3_000_000))
    return 3_000_000 / (time.thread_time() - began)


_SUMS_PER_S = _sums_per_s()
BLOCKERS = (sleeps, reads_a_socket, computes, asks_sqlite, holds_the_gil)


async def stalls(longest_s: float) -> dict[str, int]:
    """What was made of stalls of up to so many seconds, each a single call."""
    draw, probe = random.Random(7), BlockingProbe(Gate())
    await asyncio.sleep(WARM_UP_S)
    verdicts = {"right": 0, "wrong": 0, "missed": 0}
    before = _counts(probe)
    for index in range(STALLS):
        blocker = BLOCKERS[index % len(BLOCKERS)]
        blocker(draw.uniform(SHORTEST_S, longest_s))
        await asyncio.sleep(draw.uniform(0.3, 0.4))  # the watch comes at most 0.25 s after a long stall
        after = _counts(probe)
        grown = {name for name in after if after[name] > before.get(name, 0)}
        verdicts["right" if blocker.__name__ in grown else "wrong" if grown else "missed"] += 1
        before = after
    return verdicts


async def crowds() -> dict[str, int]:
    """What was made of as many crowds, each of tasks that take steps of a few milliseconds in turn."""
    draw, probe = random.Random(7), BlockingProbe(Gate())
    await asyncio.sleep(WARM_UP_S)
    before = probe.facts()["stalls"], sum(_counts(probe).values())
    for index in range(STALLS):
        together = int(draw.uniform(*CROWD_S) / STEP_S)
        await asyncio.gather(*(_steps(BLOCKERS[index % len(BLOCKERS)], draw) for _ in range(together)))
        await asyncio.sleep(draw.uniform(0.1, 0.2))
    seen, blamed = probe.facts()["stalls"], sum(_counts(probe).values())
    return {"seen": seen - before[0], "blamed": blamed - before[1]}


async def _steps(blocker: Callable[[float], None], draw: random.Random) -> None:
    for _ in range(STEPS):
        blocker(draw.uniform(0.5, 1.5) * STEP_S)
        await asyncio.sleep(0)


def _counts(probe: BlockingProbe) -> dict[str, int]:
    return {row["function"]: row["count"] for row in probe.facts()["blockers"]}


async def cost(kind: str, seconds: float, watched: bool) -> dict[str, float]:
    """CPU seconds of the process, and of the watch alone, for a fixed amount of work."""
    if watched:
        BlockingProbe(Gate())
    await asyncio.sleep(WARM_UP_S)
    began, cpu_s, watch_s = time.perf_counter(), time.process_time(), _watch_cpu_s()
    if kind == "idle":
        await asyncio.sleep(seconds)
    else:
        for _ in range(int(seconds / (BUSY_S + PAUSE_S))):
            for _ in range(MIXED_IN_BUSY):
                _mixed(99)
            await asyncio.sleep(PAUSE_S)
    elapsed_s = time.perf_counter() - began
    return {
        "elapsed_s": elapsed_s,
        "cpu_s": time.process_time() - cpu_s,
        "watch_s": _watch_cpu_s() - watch_s,
    }


def _watch_cpu_s() -> float:
    watches = [thread.native_id for thread in threading.enumerate() if thread.name == "heaptide-watch"]
    return sum(int(Path(f"/proc/self/task/{tid}/schedstat").read_text().split()[0]) for tid in watches) / 1e9


def main() -> None:
    loop, kind, *rest = sys.argv[1:]
    run = asyncio.run if loop == "asyncio" else uvloop.run
    print(json.dumps(run(_work(kind, *rest))))


def _work(kind: str, *rest: str) -> Coroutine[None, None, dict[str, int]] | Coroutine[None, None, dict[str, float]]:
    if kind == "crowds":
        return crowds()
    return stalls(float(rest[0])) if kind == "stalls" else cost(kind, float(rest[0]), rest[1] == "watched")


main()
