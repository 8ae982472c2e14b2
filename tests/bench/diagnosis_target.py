"""An event loop beside many live objects while a tool looks for what holds one of them: prints the longest gap."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any


class Line:
    def __init__(self, number: int) -> None:
        self.number = number


class Order:
    def __init__(self, number: int) -> None:
        self.lines = [Line(number)]


ORDERS: dict[int, Order] = {}


def walk(line: Line) -> str:
    from heaptide.heap import retention

    found = retention.find([(id(line), 8)], pause_budget_s=60, time_limit_s=60)
    if isinstance(found, retention.Refused):
        return found.reason
    return f"fork {found.fork_s * 1e3:.1f} ms, walk {found.walk_s * 1e3:.0f} ms, {found.paths[0]}"


def census(_: Line) -> str:
    from heaptide.census import Census

    return str(len(Census().take() or ()))


def backref_chain(line: Line) -> str:
    import objgraph

    return str(len(objgraph.find_backref_chain(line, objgraph.is_proper_module)))


def referrers(line: Line) -> str:
    return str(len(gc.get_referrers(line)))


def pympler(_: Line) -> str:
    from pympler import muppy

    return str(len(muppy.get_objects()))


def guppy3(line: Line) -> str:
    import guppy

    return str(guppy.hpy().iso(line).sp)[:80]


TOOLS: dict[str, Callable[[Line], str]] = {
    tool.__name__: tool for tool in (walk, census, backref_chain, referrers, pympler, guppy3)
}


async def longest_gap_s(tool: Callable[[Line], str] | None, line: Line) -> dict[str, Any]:
    await asyncio.sleep(0.1)
    told: list[str] = []
    began = time.perf_counter()
    thread = threading.Thread(target=lambda: told.append(tool(line) if tool else ""))
    longest, last = 0.0, began
    thread.start()
    while thread.is_alive() or last < began + 1:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return {"gap_s": longest, "told": told[0], "took_s": last - began}


def main() -> None:
    name, objects = sys.argv[1], int(sys.argv[2])
    if name in ("pympler", "guppy3") and importlib.util.find_spec({"guppy3": "guppy"}.get(name, name)) is None:
        print(json.dumps({"absent": True}))
        return
    gc.disable()  # the collector's own pauses over so many objects would hide the tools'
    ORDERS.update((number, Order(number)) for number in range(objects // 3))
    print(json.dumps(asyncio.run(longest_gap_s(TOOLS.get(name), ORDERS[objects // 6].lines[0]))))


main()
