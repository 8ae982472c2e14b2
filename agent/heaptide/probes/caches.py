"""Caches without a bound in the application's own modules: `lru_cache(maxsize=None)` and containers in globals."""

from __future__ import annotations

import functools
import sys
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from types import ModuleType
from typing import Any

from heaptide.pacing import Pace
from heaptide.probes import Seen
from heaptide.probes.track import Track

MOST_CACHES = 10
LEAST_ENTRIES = 200  # smaller ones aren't followed: most tables of an application have fewer entries
MOST_MODULES = 2000  # of the application's own
MOST_NAME = 120
_MOST_TRACKED = 200
_SHARE = 0.001  # of one CPU
_CONTAINERS = (dict, list, set)
_LRU = type(functools.lru_cache(maxsize=None)(lambda: None))


class Caches:
    """Tells of what may grow without a bound.

    Facts: caches, the largest first: name, kind, hits and misses where it counts them, and the `Track` of its entries.

    Args:
        seen: what the reporter has seen.
        in_app: whether a file is the application's own.
        modules: the imported ones.
    """

    name = "caches"

    def __init__(
        self,
        seen: Seen,
        in_app: Callable[[str], bool],
        modules: Callable[[], list[ModuleType]] = lambda: list(sys.modules.values()),
    ) -> None:
        self._seen = seen
        self._in_app = in_app
        self._modules = modules
        self._tracks: dict[tuple[str, str], Track] = {}
        self._pace = Pace(share=_SHARE, free_s=0.001)
        self._told: dict[str, Any] = {"caches": []}

    def facts(self) -> dict[str, Any]:
        """See the class. What took long to look through is told again as it was, until the next look is due."""
        if self._pace.due():
            with self._pace.spending():
                self._told = {"caches": self._look()}
        return self._told

    def _look(self) -> list[dict[str, Any]]:
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for name, kind, entries, beside in self._found():
            key = (name, kind)
            if key in self._tracks or (entries >= LEAST_ENTRIES and len(self._tracks) < _MOST_TRACKED):
                track = self._tracks.setdefault(key, Track())
                track.add(self._seen.requests, entries)
                rows[key] = {"name": name[:MOST_NAME], "kind": kind, **beside, **track.facts()}
        return sorted(rows.values(), key=lambda row: -int(row["last"]))[:MOST_CACHES]

    def _found(self) -> Iterator[tuple[str, str, int, dict[str, int]]]:
        told = set()
        own = (module for module in self._modules() if _is_own(module, self._in_app))
        for module in islice(own, MOST_MODULES):
            for name, value in _own(module).items():
                if id(value) not in told and (cache := _cache(value)):
                    told.add(id(value))
                    yield f"{module.__name__}.{name}", *cache


def _is_own(module: ModuleType, in_app: Callable[[str], bool]) -> bool:
    file = _attributes(module).get("__file__")
    return isinstance(file, str) and in_app(file)


def _attributes(module: ModuleType) -> dict[str, Any]:
    try:
        attributes: dict[str, Any] = object.__getattribute__(module, "__dict__")
    except AttributeError:  # something else that was put into sys.modules
        return {}
    return attributes


def _own(module: ModuleType) -> dict[str, Any]:
    """The names of a module and of its classes."""
    attributes = _attributes(module)
    # A copy: another thread may import into the module meanwhile.
    found = {name: value for name, value in list(attributes.items()) if not name.startswith("__")}
    for name, value in list(found.items()):
        # By its own type: an alias such as Callable[..., int] says that it is a class and isn't one.
        if issubclass(type(value), type) and type.__getattribute__(value, "__module__") == attributes.get("__name__"):
            inner = list(type.__getattribute__(value, "__dict__").items())
            found |= {f"{name}.{key}": member for key, member in inner if not key.startswith("__")}
    return found


def _cache(value: object) -> tuple[str, int, dict[str, int]] | None:
    """The kind and the entries of what may grow without a bound; None for everything else."""
    inner = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    if type(inner) is _LRU:
        info = inner.cache_info()
        if info.maxsize is not None:
            return None
        return "lru_cache(maxsize=None)", info.currsize, {"hits": info.hits, "misses": info.misses}
    if type(value) is deque:
        return None if value.maxlen is not None else ("deque", len(value), {})
    if isinstance(value, _CONTAINERS) and type(value) in _CONTAINERS:
        return type(value).__name__, len(value), {}
    return None
