"""An event loop beside many live objects while a tool looks for what holds one of them: prints the longest gap."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from heaptide.heap import retention

SAMPLE_BYTES = 64 * 1024  # eight times as many samples as by default: what a suspected service is asked for
_ROW = struct.Struct("=QQdQQd")  # `ht_sample_row` in tracemalloc_ng/_native/look.c


class Line:
    def __init__(self, number: int) -> None:
        self.number = number


class Order:
    def __init__(self, number: int) -> None:
        self.lines = [Line(number)]


class Customer:
    def __init__(self) -> None:
        self.orders: list[KnownOrder] = []


class KnownOrder:
    """As an ORM maps them: both sides of each relation know the other."""

    def __init__(self, number: int, customer: Customer) -> None:
        self.customer = customer
        self.lines = [KnownLine(number, self)]
        customer.orders.append(self)


class KnownLine(Line):
    def __init__(self, number: int, order: KnownOrder) -> None:
        super().__init__(number)
        self.order = order


ORDERS: dict[int, Order | KnownOrder] = {}
ORDERS_OF_ONE = 20
IN_THE_LOOP = "_in_the_loop"
SITES: list[int] = []

# What a tool says, and the seconds that its fork took.
Told = tuple[str, "float | None"]


def tree(objects: int) -> Iterator[tuple[int, Order]]:
    return ((number, Order(number)) for number in range(objects // 3))


def graph(objects: int) -> Iterator[tuple[int, KnownOrder]]:
    for number in range(objects // 3):
        if number % ORDERS_OF_ONE == 0:
            customer = Customer()
        yield number, KnownOrder(number, customer)


SHAPES: dict[str, Callable[[int], Iterable[tuple[int, Any]]]] = {"tree": tree, "graph": graph}


def walk(line: Line) -> Told:
    found = retention.find([(id(line), 8)], pause_budget_s=60, time_limit_s=60)
    if isinstance(found, retention.Refused):
        return found.reason, None
    return f"walk {found.walk_s * 1e3:.0f} ms, {found.paths[0]}", found.fork_s


def largest_sites() -> list[int]:
    """The keys of the sites that most samples are of, as many as one diagnosis takes."""
    from heaptide.tracemalloc_ng import _sampler

    rows = _ROW.iter_unpack(_sampler.samples())
    return [key for key, _ in Counter(row[4] for row in rows).most_common(8)]


def diagnosis(_: Line) -> Told:
    from heaptide.heap.diagnosis import Diagnosis
    from heaptide.tracemalloc_ng import _sampler

    _sampler.ignore_thread()  # as the agent's thread
    find = partial(retention.find, pause_budget_s=60, time_limit_s=60)
    request = {"id": "1", "sites": list(range(len(SITES))), "by_hand": True}
    answer = Diagnosis(find=find).answer(request, SITES.__getitem__, lambda: False)
    asked = sum(site["samples"] for site in answer["sites"])
    cost = answer["cost"]
    return f"walk {cost['walk_s'] * 1e3:.0f} ms, {asked:,} samples of {len(SITES)} sites", cost["fork_s"]


def census(_: Line) -> Told:
    from heaptide.census import Census

    return str(len(Census().take() or ())), None


def backref_chain(line: Line) -> Told:
    import objgraph

    return str(len(objgraph.find_backref_chain(line, objgraph.is_proper_module))), None


def referrers(line: Line) -> Told:
    return str(len(gc.get_referrers(line))), None


def pympler(_: Line) -> Told:
    from pympler import muppy

    return str(len(muppy.get_objects())), None


def guppy3(line: Line) -> Told:
    import guppy

    return str(guppy.hpy().iso(line).sp)[:80], None


TOOLS: dict[str, Callable[[Line], Told]] = {
    tool.__name__: tool for tool in (walk, diagnosis, census, backref_chain, referrers, pympler, guppy3)
}


async def longest_gap_s(tool: Callable[[Line], Told] | None, line: Line, *, in_the_loop: bool) -> dict[str, Any]:
    """The gap while the tool runs in a thread, as Heaptide does, or as a handler that calls it in the loop."""
    await asyncio.sleep(0.1)
    told: list[Told] = []
    began = time.perf_counter()
    longest, last = 0.0, began

    def use() -> None:
        told.append(tool(line) if tool else ("", None))

    thread = threading.Thread(target=(lambda: None) if in_the_loop else use)
    thread.start()
    if in_the_loop:
        use()
    while thread.is_alive() or last < began + 1:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return {"gap_s": longest, "told": told[0][0], "fork_s": told[0][1]}


def main() -> None:
    name, objects, shape = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    name, in_the_loop = name.removesuffix(IN_THE_LOOP), name.endswith(IN_THE_LOOP)
    if name in ("pympler", "guppy3") and importlib.util.find_spec({"guppy3": "guppy"}.get(name, name)) is None:
        print(json.dumps({"absent": True}))
        return
    gc.disable()  # the collector's own pauses over so many objects would hide the tools'
    if name == "diagnosis":
        from heaptide import tracemalloc_ng

        tracemalloc_ng.start(32, SAMPLE_BYTES)
    ORDERS.update(SHAPES[shape](objects))
    if name == "diagnosis":
        SITES.extend(largest_sites())
    gap = longest_gap_s(TOOLS.get(name), ORDERS[objects // 6].lines[0], in_the_loop=in_the_loop)
    print(json.dumps(asyncio.run(gap)))


main()
