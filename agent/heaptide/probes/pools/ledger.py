"""What is counted of one pool: checkouts, waits, holds, and by which code. The app's threads keep it: it is brief."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from heaptide.frames import Call, Place, Site, site

# A checkout that takes longer has waited for somebody, or for a new connection: a free one takes microseconds.
WAITED_S = 0.005
HELD_LONG_S = 10.0
MOST_SITES = 5  # told; more are kept, so that one that comes late can grow
_MOST_SITES_KEPT = 50
_MOST_OUT = 1000  # connections out at once that are followed
_TIMEOUTS = frozenset({"TimeoutError", "PoolTimeout", "TooManyRequests", "QueuePoolTimeout"})
_TOO_MANY = "53300"  # PostgreSQL's too_many_connections
_TOO_MANY_TEXTS = ("too many clients", "remaining connection slots", "Too many connections")


@dataclass
class Holds:
    """Sums over the checkouts of one place in the code."""

    count: int = 0
    held_s: float = 0.0
    longest_s: float = 0.0

    def add(self, held_s: float) -> None:
        """Counts one."""
        self.count += 1
        self.held_s += held_s
        self.longest_s = max(self.longest_s, held_s)


@dataclass
class Ledger:
    """Counters of one pool, cumulative since it was first seen.

    Attributes:
        place: names files.
        checkouts: connections handed out.
        asking: calls that now ask for a connection while none is free.
        most_waiting: the most of them at a time.
        waited: checkouts that took longer than 5 ms.
        wait_s: seconds that all checkouts took.
        longest_wait_s: the longest, timeouts included.
        timeouts: checkouts given up for lack of a connection.
        refused: connections that the server refused for having too many.
        failed_at: when a checkout was last given up or refused, in seconds since the epoch.
        returned: connections that came back, and `held_s`, `longest_held_s` how long they had been out.
        queries: queries run on its connections, where the library tells; `query_s` their seconds.
        most_out: the most connections out at a time.
        clock: monotonic seconds.
    """

    place: Place
    checkouts: int = 0
    asking: int = 0
    most_waiting: int = 0
    waited: int = 0
    wait_s: float = 0.0
    longest_wait_s: float = 0.0
    timeouts: int = 0
    refused: int = 0
    failed_at: float | None = None
    returned: int = 0
    held_s: float = 0.0
    longest_held_s: float = 0.0
    queries: int = 0
    query_s: float = 0.0
    most_out: int = 0
    clock: Callable[[], float] = time.monotonic
    _out: dict[int, tuple[float, Call | None]] = field(default_factory=dict)
    _sites: dict[tuple[Any, int], tuple[Call, Holds]] = field(default_factory=dict)

    def took(self, seconds: float) -> None:
        """A checkout came to its end, well or not."""
        self.wait_s += seconds
        self.waited += seconds >= WAITED_S
        self.longest_wait_s = max(self.longest_wait_s, seconds)

    def out(self, key: int, call: Call | None) -> None:
        """A connection was handed out.

        Args:
            key: identifies it until it comes back.
            call: the user's call that has it; None where that isn't known.
        """
        self.checkouts += 1
        if len(self._out) < _MOST_OUT:
            self._out[key] = self.clock(), call
            self.most_out = max(self.most_out, len(self._out))

    def back(self, key: int) -> None:
        """A connection came back."""
        began, call = self._out.pop(key, (None, None))
        if began is None:
            return
        held_s = self.clock() - began
        self.returned += 1
        self.held_s += held_s
        self.longest_held_s = max(self.longest_held_s, held_s)
        if call is not None:
            self._holds(call).add(held_s)

    def failed(self, error: BaseException) -> None:
        """A checkout failed."""
        if type(error).__name__ in _TIMEOUTS:
            self.timeouts += 1
            self.failed_at = time.time()
        cause = getattr(error, "orig", None) or error
        state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        if state == _TOO_MANY or (state is None and any(text in str(cause) for text in _TOO_MANY_TEXTS)):
            self.refused += 1
            self.failed_at = time.time()

    def facts(self) -> dict[str, Any]:
        """Its counters, and who holds connections."""
        return {
            "checkouts": self.checkouts,
            "most_waiting": self.most_waiting,
            "waited": self.waited,
            "wait_s": round(self.wait_s, 3),
            "longest_wait_s": round(self.longest_wait_s, 3),
            "timeouts": self.timeouts,
            "refused": self.refused,
            "failed_at": None if self.failed_at is None else round(self.failed_at),
            "returned": self.returned,
            "held_s": round(self.held_s, 3),
            "longest_held_s": round(self.longest_held_s, 3),
            "queries": self.queries,
            "query_s": round(self.query_s, 3),
            "most_out": self.most_out,
            "holders": self._holders(),
            "held_long": self._held_long(self.clock()),
        }

    def _holds(self, call: Call) -> Holds:
        key = call.code, call.line
        known = self._sites.get(key)
        if known is None:
            if len(self._sites) >= _MOST_SITES_KEPT:
                least, _ = min(list(self._sites.values()), key=lambda one: one[1].held_s)
                self._sites.pop((least.code, least.line), None)  # unless another thread was quicker
            known = self._sites[key] = call, Holds()
        return known[1]

    def _holders(self) -> list[list[Any]]:
        """[file, function, line, times, seconds in all, longest] of those that held most, greatest first."""
        ranked = sorted(self._sites.values(), key=lambda known: -known[1].held_s)[:MOST_SITES]
        return [
            [*self._site(call), holds.count, round(holds.held_s, 3), round(holds.longest_s, 3)]
            for call, holds in ranked
        ]

    def _held_long(self, now: float) -> list[list[Any]]:
        """[file, function, line, connections, seconds of the oldest] of those out for over 10 s, oldest first."""
        found: dict[Site | None, list[float]] = {}
        for began, call in list(self._out.values()):
            if now - began >= HELD_LONG_S:
                found.setdefault(None if call is None else self._site(call), []).append(now - began)
        ranked = sorted(found.items(), key=lambda item: -max(item[1]))[:MOST_SITES]
        return [[*(where or (None, None, None)), len(ages_s), round(max(ages_s))] for where, ages_s in ranked]

    def _site(self, call: Call) -> Site:
        where = site(call, self.place)
        return Site(where.file[-100:], where.function[:100], where.line)
