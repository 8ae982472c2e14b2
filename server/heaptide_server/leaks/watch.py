"""The trend job: from new entries to leaks that are saved and told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from heaptide_server.leaks import holding, releases, states
from heaptide_server.leaks.fingerprint import fingerprint
from heaptide_server.leaks.grouping import Together, by_place
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.leaks.places import Places
from heaptide_server.leaks.states import Seen
from heaptide_server.model import Advice, Forecast, Leak
from heaptide_server.store.protocol import Store
from heaptide_server.trends import judge, verdict
from heaptide_server.trends.forecast import Memory, advise, exhaustion
from heaptide_server.trends.holders import Holder, told_of
from heaptide_server.trends.matrix import Group, Matrix
from heaptide_server.trends.verdict import Verdict

ENTRIES_AT_ONCE = 2000
EXPLAINED = 0.5  # of the resident set's growth: what sites explain beyond this is no native leak
NATIVE_SIZE = 8.0  # times the least growth of a site: allocators keep freed pages, and pages move
NATIVE_PATIENCE = 4  # times as long: a resident set ratchets up for a while in every process
NO_SITE = "No Python allocation site explains half of it."


HolderOf = Callable[[Leak], Holder | None]


@dataclass(frozen=True)
class Options:
    """What a person may set: of the trends, and of what becomes of a suspect."""

    trends: verdict.Options = field(default_factory=verdict.Options)
    states: states.Options = field(default_factory=states.Options)


@dataclass(frozen=True)
class _Context:
    """What all rows of a look share."""

    release: str | None
    earlier_release: str | None
    memory: Memory | None
    now: float

    def forecast(self, verdict: Verdict) -> Forecast | None:
        return exhaustion(verdict, self.memory, self.now) if self.memory and verdict.suspect else None

    def advice(self, verdict: Verdict) -> Advice | None:
        return advise(verdict, self.memory) if self.memory and verdict.suspect else None


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


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
        known = [leak for leak in self._ledger.leaks(group[0]) if leak.environment == group[1]]
        known += [leak for leak in self._impressions.values() if (leak.service, leak.environment) == group]
        together = self._judged(group, [leak.site.id for leak in known if leak.site])
        context = _Context(
            self._matrix.release(group),
            self._matrix.earlier_release(group, self._options.trends),
            self._matrix.memory(group),
            now,
        )
        by_id = {leak.id: leak for leak in known}
        seen = [self._seen(group, one, by_id, context) for one in together]
        native = self._native(
            group, sum(max(one.verdict.high, 0.0) for one in together if not one.verdict.clear), context
        )
        seen += [native] if native else []
        self._ledger.update(*group, now, lambda known: self._advance(known, seen, now))

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

    def _seen(self, group: Group, together: Together, known: Mapping[str, Leak], context: _Context) -> Seen:
        leak_id = fingerprint(*group, "site", together.place)
        live, survivors = self._matrix.live_bytes(group, together.site_ids)
        workers = max(self._matrix.alive(group), 1)
        holder = self._holder_of(known[leak_id]) if leak_id in known else None
        verdict = told_of(together.verdict, holder, live / workers, workers)
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
            release=context.release,
            earlier_release=context.earlier_release,
            forecast=context.forecast(verdict),
            advice=context.advice(verdict),
        )

    def _native(self, group: Group, explained: float, context: _Context) -> Seen | None:
        """The resident set, where it leaks and no more than half of that is known from Python's sites."""
        options = replace(
            self._options.trends,
            least_bytes=NATIVE_SIZE * self._options.trends.least_bytes,
            least_bytes_per_day=NATIVE_SIZE * self._options.trends.least_bytes_per_day,
        )
        if self._matrix.intervals(group) < NATIVE_PATIENCE * options.least_intervals:
            return None
        found = judge.judge(self._matrix.resident(group), options)
        if not found:
            return None
        verdict = found[0]
        if explained > EXPLAINED * verdict.bytes_per_hour:
            verdict = replace(
                verdict, suspect=False, filling=False, clear=True, evidence="Python's own sites explain it."
            )
        elif verdict.suspect:
            verdict = replace(verdict, evidence=f"The resident set {_lowered(verdict.evidence)} {NO_SITE}")
        return Seen(
            id=fingerprint(*group, "native", ""),
            service=group[0],
            environment=group[1],
            kind="native",
            site=None,
            type_name=None,
            verdict=replace(verdict, filling=False),
            live_bytes=self._matrix.resident_bytes(group),
            survivor_bytes=None,
            release=context.release,
            earlier_release=context.earlier_release,
            forecast=context.forecast(verdict),
            advice=context.advice(verdict),
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
