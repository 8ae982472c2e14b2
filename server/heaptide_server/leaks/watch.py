"""The trend job: from new entries to leaks that are saved and told."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from heaptide_server.leaks import states
from heaptide_server.leaks.fingerprint import fingerprint, place
from heaptide_server.leaks.grouping import Together, by_place
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.leaks.states import Seen
from heaptide_server.model import Leak, Site
from heaptide_server.store.protocol import Store
from heaptide_server.trends import judge, verdict
from heaptide_server.trends.matrix import Group, Matrix

ENTRIES_AT_ONCE = 2000


@dataclass(frozen=True)
class Options:
    """What a person may set: of the trends, and of what becomes of a suspect."""

    trends: verdict.Options = field(default_factory=verdict.Options)
    states: states.Options = field(default_factory=states.Options)


class Watch:
    """Reads the store, judges, and keeps the ledger. One thread at a time; a new one starts from the store alone.

    Args:
        store: where raw entries come from.
        ledger: where leaks go.
    """

    def __init__(self, store: Store, ledger: Ledger, options: Options | None = None) -> None:
        self._store = store
        self._ledger = ledger
        self._options = options or Options()
        self._matrix = Matrix()
        self._read = 0
        self._impressions: dict[str, Leak] = {}

    def tick(self, now: float) -> None:
        """Takes in what is new and looks at each service whose window has moved; without news it does nothing.

        Args:
            now: seconds since the epoch.
        """
        if not self._take_in():
            return
        for group in self._matrix.groups_due():
            self._matrix.looked_at(group)
            self._look(group, now)

    def _take_in(self) -> bool:
        first = self._read
        while entries := self._store.stored_after(self._read, ENTRIES_AT_ONCE):
            ids = {entry.worker_id for entry in entries} | set(self._matrix.living())
            self._matrix.add(entries, self._store.workers_by_id(ids), self._store.site_map)
            self._read = entries[-1].id
        return self._read > first

    def _look(self, group: Group, now: float) -> None:
        seen = [self._seen(group, together) for together in self._judged(group)]
        self._ledger.update(*group, now, lambda known: self._advance(known, seen, now))

    def _judged(self, group: Group) -> list[Together]:
        """The verdicts by place: of sites that grew, and of the known leaks' own, whatever they do."""
        candidates = self._matrix.candidates(group, self._options.trends)
        known = [leak for leak in self._ledger.leaks(group[0]) if leak.environment == group[1]]
        known += [leak for leak in self._impressions.values() if (leak.service, leak.environment) == group]
        own = [leak.site.id for leak in known if leak.site]
        ids = np.union1d(candidates, np.array(own, dtype=np.int64))
        verdicts = judge.judge(self._matrix.generations(group, ids), self._options.trends)
        sites: dict[int, Site] = self._store.sites(int(i) for i in ids)
        return by_place({int(ids[v.row]): v for v in verdicts}, sites)

    def _seen(self, group: Group, together: Together) -> Seen:
        held = [self._matrix.live_bytes(group, site_id) for site_id in together.site_ids]
        survivors = [old for _, old in held if old is not None]
        where = place(together.lead) or ""
        return Seen(
            id=fingerprint(*group, "site", where),
            service=group[0],
            environment=group[1],
            kind="site",
            site=together.lead,
            type_name=None,
            verdict=together.verdict,
            live_bytes=sum(live for live, _ in held),
            survivor_bytes=sum(survivors) if survivors else None,
            release=self._matrix.release(group),
        )

    def _advance(self, known: dict[str, Leak], seen: list[Seen], now: float) -> Changes:
        changes = Changes([], [], [])
        for one in seen:
            before = known.get(one.id)
            leak, event = states.advance(before or self._impressions.pop(one.id, None), one, now, self._options.states)
            if leak is None:
                changes.gone.extend([one.id] if before else [])
            elif states.shown(leak, self._options.states):
                changes.leaks.append(leak)
            else:
                self._impressions[one.id] = leak
            changes.notices.extend([event] if event else [])
        return changes
