"""The trend job: from new entries to leaks that are saved and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from heaptide_server.leaks import holding, releases, states
from heaptide_server.leaks.context import Context, context
from heaptide_server.leaks.fingerprint import fingerprint
from heaptide_server.leaks.grouping import Together, by_place
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.leaks.native import native
from heaptide_server.leaks.places import Places
from heaptide_server.leaks.states import Seen
from heaptide_server.leaks.untraced import Untraced
from heaptide_server.model import Leak
from heaptide_server.store.protocol import Store
from heaptide_server.trends import judge, verdict
from heaptide_server.trends.holders import Holder, told_of
from heaptide_server.trends.matrix import Group, Matrix

ENTRIES_AT_ONCE = 2000
HolderOf = Callable[[Leak], Holder | None]


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
        options: see `Options`.
        holder_of: what holds a known leak's memory, None where nobody knows.
    """

    def __init__(
        self, store: Store, ledger: Ledger, options: Options | None = None, holder_of: HolderOf = holding.holder
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._options = options or Options()
        self._holder_of = holder_of
        self._places = Places(store.sites)
        self._matrix = Matrix(self._places.of)
        self._untraced = Untraced(store.type_map)
        self._read = 0
        self._impressions: dict[str, Leak] = {}

    def tick(self, now: float) -> None:
        """Takes in what is new and looks at each service whose window has moved; without news it does nothing.

        Args:
            now: seconds since the epoch.
        """
        if not self._take_in():
            return
        traced = self._matrix.groups_due()
        for group in traced:
            self._matrix.looked_at(group)
            self._look(group, now)
        for group in self._untraced.matrix.groups_due():
            self._untraced.matrix.looked_at(group)
            if not self._matrix.intervals(group):
                self._look_at_types(group, now)

    def _take_in(self) -> bool:
        first = self._read
        while entries := self._store.stored_after(self._read, ENTRIES_AT_ONCE):
            alive = (*self._matrix.living(), *self._untraced.matrix.living())
            workers = self._store.workers_by_id({entry.worker_id for entry in entries} | set(alive))
            self._matrix.add(entries, workers, self._store.site_map)
            self._untraced.add(entries, workers)
            self._read = entries[-1].id
        return self._read > first

    def _look(self, group: Group, now: float) -> None:
        known = self._known(group)
        together = self._judged(group, [leak.site.id for leak in known if leak.site])
        about = context(self._matrix, group, self._options.trends, now)
        by_id = {leak.id: leak for leak in known}
        seen = [self._seen(one, by_id, about) for one in together]
        explained = sum(max(one.verdict.high, 0.0) for one in together if not one.verdict.clear)
        self._tell([*seen, native(self._matrix, explained, self._options.trends, about)], about)

    def _look_at_types(self, group: Group, now: float) -> None:
        matrix = self._untraced.matrix
        about = context(matrix, group, self._options.trends, now)
        known = [leak for leak in self._known(group) if leak.kind == "objects"]
        objects = self._untraced.seen([leak.type_name or "" for leak in known], self._options.trends, about)
        # How large objects are isn't told: where they leak, they may be all that the resident set grows by.
        explained = inf if objects and (objects.verdict.suspect or objects.verdict.filling) else 0.0
        self._tell([objects, native(matrix, explained, self._options.trends, about)], about)

    def _tell(self, seen: Sequence[Seen | None], about: Context) -> None:
        some = [one for one in seen if one]
        self._ledger.update(*about.group, about.now, lambda known: self._advance(known, some, about.now))

    def _known(self, group: Group) -> list[Leak]:
        known = [leak for leak in self._ledger.leaks(group[0]) if leak.environment == group[1]]
        return known + [leak for leak in self._impressions.values() if (leak.service, leak.environment) == group]

    def _judged(self, group: Group, known: Sequence[int]) -> list[Together]:
        """The verdicts by place: of sites that grew, and of the known leaks' own, whatever they do."""
        grown, places = self._matrix.candidates(group, self._options.trends)
        own = np.concatenate([np.array(known, dtype=np.int64), self._matrix.leads(group, places)])
        ids = np.union1d(grown, own)
        verdicts = judge.judge(self._matrix.generations(group, ids, places), self._options.trends)
        by_site = dict(zip(ids.tolist(), verdicts, strict=False))
        names = [self._places.name(number) for number in places.tolist()]
        sums = dict(zip(names, verdicts[len(ids) :], strict=False))
        return by_place(by_site, sums, self._store.sites(ids.tolist()))

    def _seen(self, together: Together, known: Mapping[str, Leak], about: Context) -> Seen:
        group = about.group
        leak_id = fingerprint(*group, "site", together.place)
        live, survivors = self._matrix.live_bytes(group, together.site_ids)
        workers = max(self._matrix.alive(group), 1)
        holder = self._holder_of(known[leak_id]) if leak_id in known else None
        verdict = told_of(together.verdict, holder, live / workers, workers, about.memory)
        return Seen(
            id=leak_id,
            service=group[0],
            environment=group[1],
            kind="site",
            site=together.lead,
            type_name=None,
            verdict=verdict,
            live_bytes=live,
            survivor_bytes=survivors,
            release=about.release,
            earlier_release=about.earlier_release,
            forecast=about.forecast(verdict),
            advice=about.advice(verdict),
        )

    def _advance(self, known: dict[str, Leak], seen: list[Seen], now: float) -> Changes:
        changes = Changes([], [], [])
        for one in seen:
            before = known.get(one.id)
            leak, event = states.advance(before or self._impressions.pop(one.id, None), one, now, self._options.states)
            if leak:
                leak = replace(leak, release_note=releases.note(leak, one))
                event = replace(event, leak=leak) if event else None
            if leak is None:
                changes.gone.extend([one.id] if before else [])
            elif states.shown(leak, self._options.states):
                changes.leaks.append(leak)
            else:
                self._impressions[one.id] = leak
            changes.notices.extend([event] if event else [])
        return changes
