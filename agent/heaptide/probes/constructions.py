"""How often HTTP clients are made, and by which code: one that is closed at once is never seen alive."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from heaptide.frames import Call, Place, site, users_call
from heaptide.gate import Gate
from heaptide.probes import Seen
from heaptide.probes.clients import CLIENTS
from heaptide.probes.track import Track

# Not urllib3's pool managers: requests makes two of its own for each session.
_COUNTED = tuple((library, name) for library, name in CLIENTS if library != "urllib3")
MOST_TYPES = 4
MOST_SITES = 3  # told; more are kept, so that one that comes late can grow
MOST_ERRORS = 20  # after as many, nothing is counted any more
MOST_BYTES = 3_800  # of the rows as JSON
_MOST_SITES_KEPT = 50
# To look who made one takes some microseconds. A prime, so that no pattern of a few calls in turn falls in with it.
_ALL_LOOKED_AT, _LOOKED_EACH = 20, 17
_MOST_TEXT = 100

Init = Callable[..., None]


class Made:
    """Constructions of one class, counted in the application's threads: at worst a few are missed, none waits.

    Attributes:
        count: how many there were.
        looked: of how many of them it was looked who made them: of the first, then of every 17th.
    """

    def __init__(self, requests: int) -> None:
        self.count = 0
        self.looked = 0
        self._sites: dict[tuple[CodeType, int], tuple[Call, list[int]]] = {}
        self._track = Track()
        self._track.add(requests, 0)

    def made_by(self, call: Call | None) -> None:
        """Counts the user's call that made one; None where no code of the user's did."""
        self.looked += 1
        if call is not None:
            self._times(call)[0] += 1

    def _times(self, call: Call) -> list[int]:
        key = call.code, call.line
        known = self._sites.get(key)
        if known is None:
            if len(self._sites) >= _MOST_SITES_KEPT:
                seldom, _ = min(list(self._sites.values()), key=lambda one: one[1][0])
                self._sites.pop((seldom.code, seldom.line), None)  # unless another thread was quicker
            known = self._sites[key] = call, [0]
        return known[1]

    def facts(self, requests: int, place: Place) -> dict[str, Any]:
        """Its `Track`, `looked`, and as sites [file, function, line, times] of who made most of those looked at."""
        self._track.add(requests, self.count)
        known = list(self._sites.values())  # at once: the application's threads add to it
        ranked = sorted(known, key=lambda one: -one[1][0])[:MOST_SITES]
        told = [(site(call, place), times[0]) for call, times in ranked]
        rows = [[where.file[-_MOST_TEXT:], where.function[:_MOST_TEXT], where.line, times] for where, times in told]
        return {**self._track.facts(), "looked": self.looked, "sites": rows}


class Constructions:
    """Hooks the constructors of clients whose library the process has imported, and tells how often they ran.

    Facts: types, those made most often first: library, type, sites (see `Made`), and the `Track` of how many were made
    since they were hooked. One of a process counts; an older one falls silent.

    Args:
        seen: what the reporter has seen.
        place: names files.
    """

    name = "constructions"

    def __init__(self, seen: Seen, place: Place) -> None:
        self._seen = seen
        self._place = place
        self._gate = Gate()
        self._made: dict[tuple[str, str], Made] = {}
        HOOKS.told = self

    def facts(self) -> dict[str, Any]:
        """See the class."""
        for library, name in _COUNTED:
            kind = getattr(sys.modules.get(library), name, None)
            if isinstance(kind, type):
                self._made.setdefault((library, name), Made(self._seen.requests))
                HOOKS.hook(kind, (library, name))
        rows = [
            {"library": key[0], "type": ".".join(key), **made.facts(self._seen.requests, self._place)}
            for key, made in self._made.items()
        ]
        rows = sorted((row for row in rows if row["last"]), key=lambda row: -int(row["last"]))[:MOST_TYPES]
        while len(json.dumps(rows)) > MOST_BYTES:
            rows.pop()
        return {"types": rows}

    def count(self, key: tuple[str, str]) -> None:
        """Counts a construction. Called by the hook in the application's threads; it raises nothing.

        Args:
            key: the library and the class's name in it.
        """
        made = self._made.get(key)
        if made is not None:
            made.count += 1
            if (made.count <= _ALL_LOOKED_AT or not made.count % _LOOKED_EACH) and self._gate.errors < MOST_ERRORS:
                with self._gate("looking who made a client"):
                    made.made_by(users_call(sys._getframe(2), self._place))

    def stop(self) -> None:
        """Takes the hooks away."""
        if HOOKS.told is self:
            HOOKS.told = None
            HOOKS.release()


class Hooks:
    """The classes of this process whose constructors are hooked. A class is hooked once, also across a fork.

    Attributes:
        told: who is told of constructions; None lets them pass.
    """

    def __init__(self) -> None:
        self.told: Constructions | None = None
        self._hooked: dict[type, tuple[Init, Init | None]] = {}

    def hook(self, kind: type, key: tuple[str, str]) -> None:
        """Hooks a class, unless it is or inherits from one that is: what stands in its place may be a subclass."""
        if not any(one in self._hooked for one in kind.__mro__):
            own = vars(kind).get("__init__")
            watched = self._watched(kind.__init__, key)  # type: ignore[misc]
            self._hooked[kind] = watched, own
            kind.__init__ = watched  # type: ignore[misc]

    def release(self) -> None:
        """Gives classes their own constructors back. Where somebody else has wrapped ours, it stays and is silent."""
        for kind, (watched, own) in list(self._hooked.items()):
            if vars(kind).get("__init__") is not watched:
                continue
            del self._hooked[kind]
            if own is None:
                del kind.__init__  # type: ignore[misc]
            else:
                kind.__init__ = own  # type: ignore[misc]

    def _watched(self, init: Init, key: tuple[str, str]) -> Init:
        @functools.wraps(init)
        def watched(client: Any, /, *arguments: Any, **options: Any) -> None:
            told = self.told
            if told is not None:
                told.count(key)
            return init(client, *arguments, **options)

        return watched


HOOKS = Hooks()
