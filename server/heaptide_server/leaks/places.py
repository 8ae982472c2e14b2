"""Numbers of places, so that the sites that meet at one can be added up before they are judged.

A leak that is spread over many stacks, each of them too small or too noisy to say anything, shows in their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from heaptide_server.leaks.fingerprint import place
from heaptide_server.model import Ints, Site

NOWHERE = -1


class Places:
    """Remembers the place of each site that was asked for: two numbers a site of the store.

    Args:
        sites: see `Store.sites`.
    """

    def __init__(self, sites: Callable[[Iterable[int]], dict[int, Site]]) -> None:
        self._sites = sites
        self._by_site: dict[int, int] = {}
        self._names: list[str] = []
        self._by_name: dict[str, int] = {}

    def of(self, site_ids: Ints) -> Ints:
        """The number of each site's place; negative for "(other)", which has none."""
        ids = site_ids.tolist()
        new = [number for number in ids if number not in self._by_site]
        known = self._sites(new) if new else {}
        for number in new:
            name = place(known[number]) if number in known else None
            self._by_site[number] = NOWHERE if name is None else self._number(name)
        return np.array([self._by_site[number] for number in ids], dtype=np.int64)

    def name(self, number: int) -> str:
        """The place of that number, as `fingerprint.place` says it."""
        return self._names[number]

    def _number(self, name: str) -> int:
        if name not in self._by_name:
            self._by_name[name] = len(self._names)
            self._names.append(name)
        return self._by_name[name]
