"""The table of what blocks the loop: sums per place and route, the greatest kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from heaptide.frames import Call, Place, Site, in_app, site
from heaptide.probes.blocking.stalls import Blocked

MOST_BLOCKERS = 20
_MOST_KEPT = 2 * MOST_BLOCKERS  # so that one that comes late can still grow to be among the first
MOST_BYTES = 3_000  # of the table as JSON; a probe's facts have 4 KiB in all
_MOST_THROUGH = 4
_MOST_TEXT = 100
_LOOPS_OWN = ("asyncio/", "uvloop/", "selectors.py", "concurrent/futures/")


@dataclass
class Blocker:
    """Sums over the stalls of one place in one route.

    Attributes:
        calls: what was called there, as its source has it; None for a function that computes by itself.
        through: packages and modules that the call went through, outermost first.
        cpu_s: seconds of `total_s` in which the thread computed rather than waited.
        starved_s: seconds of `total_s` in which it could have run, but had no CPU.
        last_at: when it was last seen, in seconds since the epoch.
    """

    site: Site
    in_app: bool
    route: str | None
    calls: str | None
    through: list[str]
    count: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    cpu_s: float = 0.0
    starved_s: float = 0.0
    last_at: float = 0.0

    def add(self, blocked: Blocked) -> None:
        """Counts one stall."""
        self.count += 1
        self.total_s += blocked.duration_s
        self.longest_s = max(self.longest_s, blocked.duration_s)
        self.cpu_s += blocked.cpu_s
        self.starved_s += blocked.starved_s
        self.last_at = time.time()

    def fact(self) -> dict[str, Any]:
        """Its form on the wire."""
        return {
            "file": self.site.file[-_MOST_TEXT:],
            "function": self.site.function[:_MOST_TEXT],
            "line": self.site.line,
            "in_app": self.in_app,
            "route": self.route,
            "calls": self.calls,
            "through": self.through,
            "count": self.count,
            "total_s": round(self.total_s, 3),
            "longest_s": round(self.longest_s, 3),
            "cpu_s": round(self.cpu_s, 3),
            "starved_s": round(self.starved_s, 3),
            "last_at": round(self.last_at),
        }


class Blockers:
    """Who blocked the loop. Of bounded size: the least is dropped for a new one.

    Args:
        place: names files, see `heaptide.paths.Places`.
        called: names what a call calls, see `called.called`.
    """

    def __init__(self, place: Place, called: Callable[[Call], str | None]) -> None:
        self._place = place
        self._called = called
        self._known: dict[tuple[str, str, str | None], Blocker] = {}

    def add(self, blocked: Blocked) -> bool:
        """Counts a stall; False where its stacks have nothing in common but the loop itself."""
        common = blocked.step.common()
        index = self._users(common)
        if index is None:
            common = blocked.step.mostly_common()
            index = self._to_blame(common)
        if index is None:
            return False
        where = site(common[index], self._place)
        key = where.file, where.function, blocked.step.route
        blocker = self._known.get(key)
        if blocker is None:
            self._make_room()
            blocker = self._known[key] = self._blocker(blocked, common, index, where)
        blocker.add(blocked)
        return True

    def facts(self) -> list[dict[str, Any]]:
        """The greatest first, as many as there is room for."""
        ranked = sorted(self._known.values(), key=lambda blocker: -blocker.total_s)[:MOST_BLOCKERS]
        facts: list[dict[str, Any]] = []
        room = MOST_BYTES
        for blocker in ranked:
            fact = blocker.fact()
            room -= len(json.dumps(fact)) + 2
            if room < 0:
                break
            facts.append(fact)
        return facts

    def _to_blame(self, common: list[Call]) -> int | None:
        """The innermost call of the user's code, else the innermost that isn't the loop's own."""
        users = self._users(common)
        if users is not None:
            return users
        for index, call in enumerate(common):
            if not self._place(call.code.co_filename)[0].startswith(_LOOPS_OWN):
                return index
        return None

    def _users(self, common: list[Call]) -> int | None:
        return next((index for index, call in enumerate(common) if in_app(call.code, self._place)), None)

    def _make_room(self) -> None:
        if len(self._known) >= _MOST_KEPT:
            del self._known[min(self._known, key=lambda key: self._known[key].total_s)]

    def _blocker(self, blocked: Blocked, common: list[Call], index: int, where: Site) -> Blocker:
        latest = blocked.step.samples[-1]
        inside = latest[: len(latest) - len(common) + index][::-1]
        depth = len(common) - index  # counted from the outermost
        deep = [sample[-depth] for sample in blocked.step.samples if len(sample) >= depth]
        lines = {call.line for call in deep if call.code is common[index].code}  # some look may have come before it
        return Blocker(
            site=where,
            in_app=in_app(common[index].code, self._place),
            route=blocked.step.route,
            calls=self._called(common[index]) if len(lines) == 1 else None,
            through=self._through(inside),
        )

    def _through(self, inside: list[Call]) -> list[str]:
        names = (self._place(call.code.co_filename)[0].partition("/")[0].removesuffix(".py") for call in inside)
        distinct = list(dict.fromkeys(names))
        return distinct if len(distinct) <= _MOST_THROUGH else [*distinct[: _MOST_THROUGH - 1], distinct[-1]]
