"""HTTP clients and sessions: how many are alive, from the census of objects by type."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from heaptide.probes import Seen
from heaptide.probes.track import Track

MOST_TYPES = 10

# Where each library's clients are; their subclasses count too.
CLIENTS = (
    ("httpx", "Client"),
    ("httpx", "AsyncClient"),
    ("httpx2", "Client"),
    ("httpx2", "AsyncClient"),
    ("requests", "Session"),
    ("aiohttp", "ClientSession"),
    ("urllib3", "PoolManager"),
)


class Clients:
    """Tells of clients alive.

    Facts: types, one row a type that was ever alive: its qualified name, the library, and its `Track`.
    """

    name = "clients"

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._tracks: dict[tuple[str, str], Track] = {}

    def facts(self) -> dict[str, Any]:
        """See the class."""
        if self._seen.counts is not None:
            self._look(self._seen.counts)
        rows = [{"library": library, "type": name, **track.facts()} for (library, name), track in self._tracks.items()]
        return {"types": sorted(rows, key=lambda row: -int(row["peak"]))[:MOST_TYPES]}

    def _look(self, counts: Mapping[str, int]) -> None:
        for key in _types():
            live = counts.get(key[1], 0)
            if live or key in self._tracks:
                self._tracks.setdefault(key, Track()).add(self._seen.requests, live)


def _types() -> list[tuple[str, str]]:
    """The library and the qualified name, as the census has it, of each class of clients that is imported."""
    found = []
    for library, name in CLIENTS:
        base = getattr(sys.modules.get(library), name, None)
        if isinstance(base, type):
            found += [(library, _qualified(kind)) for kind in [base, *type.__subclasses__(base)]]
    return found


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__name__}"
