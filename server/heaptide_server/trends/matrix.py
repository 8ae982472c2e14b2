"""The floors of all workers in memory, kept up to date from the store's raw entries.

Bounds: a track takes 128 buckets x rows x 4 bytes (200 workers of 2,000 sites: 205 MB), a slot keeps 12 lives, and all
ended lives together `MOST_PAST_BYTES`, the oldest forgotten first; how many were forgotten is remembered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats, Ints, Stored, Worker
from heaptide_server.store import packed
from heaptide_server.trends import sieve
from heaptide_server.trends.forecast import Memory
from heaptide_server.trends.track import Track
from heaptide_server.trends.verdict import Generation, Options

MOST_LIVES = 12
MOST_PAST_BYTES = 128 << 20
GONE_INTERVALS = 240  # a slot without a living worker for so long was scaled down, not recycled
NONE: Ints = np.zeros(0, dtype=np.int64)
LOOKS = 64  # a look follows when what is known of a slot has grown by about so small a part
SLOWEST_LOOK = 30  # intervals; a long life's window moves slowly, but people wait

Group = tuple[str, str]


def nowhere(sites: Ints) -> Ints:
    """No site has a place: each stands for itself."""
    return np.full(len(sites), -1, dtype=np.int64)


class Matrix:
    """Tracks by service and environment. Used by one thread at a time.

    Args:
        place_of: the number of the place of each of the store's sites, negative for those that have none.
    """

    def __init__(self, place_of: Callable[[Ints], Ints] = nowhere) -> None:
        self._place_of = place_of
        self._tracks: dict[int, Track] = {}
        self._workers: dict[int, Worker] = {}
        self._forgotten: Counter[tuple[Group, str, str | None]] = Counter()
        self._news: Counter[Group] = Counter()

    def add(
        self,
        entries: Sequence[Stored],
        workers: Mapping[int, Worker],
        site_map: Callable[[int], list[int]],
    ) -> None:
        """Adds raw entries in their order.

        Args:
            entries: as `Store.stored_after` gives them.
            workers: the workers of these entries, by the store's id; entries of others are passed over.
            site_map: see `Store.site_map`.
        """
        self.refresh(workers)
        for entry in entries:
            if entry.worker_id in self._workers:
                self._add(entry, self._workers[entry.worker_id], site_map)
        self._forget()

    def refresh(self, workers: Mapping[int, Worker]) -> None:
        """Learns what changed about workers: slots and generations settle only after a while."""
        self._workers.update(workers)

    def living(self) -> list[int]:
        """The ids of the workers that have not ended."""
        return [track.worker_id for track in self._tracks.values() if not track.ended]

    def groups_due(self) -> list[Group]:
        """Service and environment of those whose window has moved by about a bucket since their last look."""
        living: dict[Group, list[Track]] = {}
        for track in self._tracks.values():
            if not track.ended:
                living.setdefault(self._group(track), []).append(track)
        due = []
        for group, tracks in living.items():
            every = min(max(self.intervals(group) // LOOKS, 1), SLOWEST_LOOK)
            if self._news[group] >= every * len(tracks):
                due.append(group)
        return due

    def intervals(self, group: Group) -> int:
        """Intervals known of the slot that is known best, over all its kept lives."""
        lived: Counter[str] = Counter()
        for track in self._of(group):
            lived[self._slot(track)] += track.used * track.width
        return max(lived.values(), default=0)

    def longest_life(self, group: Group) -> int:
        """Intervals of the longest kept life."""
        return max((track.used * track.width for track in self._of(group)), default=0)

    def looked_at(self, group: Group) -> None:
        """The next look follows when the window has moved again."""
        self._news[group] = 0

    def candidates(self, group: Group, options: Options) -> tuple[Ints, Ints]:
        """What grew by a fifth of the least growth in some slot, over all its generations.

        Returns:
            The store's ids of such sites, and the numbers of such places at which several sites grew.
        """
        slots: dict[str, list[Track]] = {}
        for track in self._of(group):
            slots.setdefault(self._slot(track), []).append(track)
        sites, places = [NONE], [NONE]
        for slot, tracks in slots.items():
            rises = np.concatenate([sieve.rise(track.floors, track.age_s) for track in tracks])
            forgotten = self._forgotten[group, slot, self._workers[tracks[-1].worker_id].identity.release]
            least = sieve.SHARE * options.least_bytes / (1 + forgotten / len(tracks))
            ids, at = (np.concatenate([getattr(track, name) for track in tracks]) for name in ("site_ids", "places"))
            sites.append(_risen(ids, rises, least))
            grew = (rises > 0) & (at >= 0)
            several = np.unique(at[grew][_others(at[grew], ids[grew])])
            places.append(np.intersect1d(_risen(at, rises, least), several))
        return np.unique(np.concatenate(sites)), np.unique(np.concatenate(places))

    def generations(self, group: Group, sites: Ints, places: Ints = NONE) -> list[Generation]:
        """The group's lives with one row a site, in the order of `sites` (the store's ids), then one a place."""
        lives = sorted(self._of(group), key=lambda track: self._workers[track.worker_id].generation)
        return [self._generation(group, track, sites, places) for track in lives if track.used]

    def resident(self, group: Group) -> list[Generation]:
        """The group's lives with two rows: the resident set, and what of it neither traced nor free memory explains.

        Lives that didn't tell it are left out.
        """
        lives = sorted(self._of(group), key=lambda track: self._workers[track.worker_id].generation)
        told = [track for track in lives if track.used and np.isfinite(track.resident).any()]
        return [
            replace(
                self._generation(group, t, NONE, NONE),
                floors=np.array([t.resident, t.unexplained]),
                variance=np.zeros(2),
                live=np.zeros(2),
                allocated=np.zeros(2),
            )
            for t in told
        ]

    def memory(self, group: Group) -> Memory | None:
        """The memory of the host with the least room; None where no worker tells of a limit."""
        hosts: dict[str, list[Track]] = {}
        living = [track for track in self._of(group) if not track.ended]
        for track in living:
            hosts.setdefault(self._workers[track.worker_id].identity.host, []).append(track)
        found = [_memory(tracks, len(living)) for tracks in hosts.values()]
        known = [memory for memory in found if memory]
        return min(known, key=lambda memory: memory.limit_bytes - memory.used_bytes, default=None)

    def earlier_release(self, group: Group, options: Options) -> str | None:
        """A release before the present one that was seen for long enough to have shown a leak."""
        now = self.release(group)
        seen: Counter[str] = Counter()
        for track in self._of(group):
            release = self._workers[track.worker_id].identity.release
            if release and release != now:
                seen[release] += track.used * track.width
        return next((name for name, count in seen.items() if count >= 2 * options.least_intervals), None)

    def live_bytes(self, group: Group, sites: Sequence[int]) -> tuple[int, int | None]:
        """Live bytes of sites over living workers, and those of survivors; None where no tracer knows them."""
        live, survivors = 0, None
        for track in self._of(group):
            if track.ended:
                continue
            rows = np.isin(track.site_ids, sites)
            live += int(track.levels[rows].sum())
            if track.tells_survivors:
                survivors = (survivors or 0) + int(track.survivors[rows].sum())
        return max(live, 0), survivors

    def leads(self, group: Group, places: Ints) -> Ints:
        """The site that grew most at each place, by the store's id."""
        if not len(places):
            return NONE
        parts = [(track, np.flatnonzero(np.isin(track.places, places))) for track in self._of(group)]
        sites = np.concatenate([track.site_ids[rows] for track, rows in parts])
        rises = np.concatenate([sieve.rise(track.floors[rows], track.age_s) for track, rows in parts])
        found, where = np.unique(sites, return_inverse=True)
        grown = np.bincount(where, rises, len(found))
        at = np.zeros(len(found), dtype=np.int64)
        at[where] = np.concatenate([track.places[rows] for track, rows in parts])
        order = np.lexsort((grown, at))
        return np.asarray(found[order][np.searchsorted(at[order], places, side="right") - 1])

    def alive(self, group: Group) -> int:
        """How many workers live."""
        return sum(not track.ended for track in self._of(group))

    def resident_bytes(self, group: Group) -> int:
        """The resident sets of the living workers together."""
        return int(sum(t.vitals.get("rss_bytes") or 0 for t in self._of(group) if not t.ended))

    def release(self, group: Group) -> str | None:
        """The release of the worker that started last."""
        newest = max(self._of(group), key=lambda track: self._workers[track.worker_id].identity.started_at)
        return self._workers[newest.worker_id].identity.release

    def _add(self, entry: Stored, worker: Worker, site_map: Callable[[int], list[int]]) -> None:
        track = self._tracks.setdefault(entry.worker_id, Track(entry.worker_id, worker.identity.interval_s))
        if entry.kind == "end":
            track.close()
            return
        track.ended = False
        changes = packed.decode(entry.sites)
        if len(changes.ids) and int(changes.ids[-1]) >= len(track.site_ids):
            sites = np.array(site_map(entry.worker_id), dtype=np.int64)
            track.know(sites, self._place_of(sites))
        age_s = entry.at - worker.identity.started_at
        track.add(changes, at=entry.at, age_s=age_s, requests=entry.requests, looked=entry.looked, vitals=entry.vitals)
        self._news[self._group(track)] += entry.looked

    def _generation(self, group: Group, track: Track, sites: Ints, places: Ints) -> Generation:
        worker = self._workers[track.worker_id]
        floors, facts = _added_up(track, track.site_ids, sites)
        if len(places):
            more, others = _added_up(track, track.places, places)
            floors, facts = np.concatenate([floors, more]), np.concatenate([facts, others], axis=1)
        slot = self._slot(track)
        return Generation(
            slot=slot,
            number=worker.generation,
            release=worker.identity.release,
            ended=track.ended,
            started_at=worker.identity.started_at,
            age_s=np.maximum.accumulate(track.age_s),
            requests=track.requests.copy(),
            floors=floors,
            variance=facts[0],
            live=facts[1],
            allocated=facts[2],
            width=track.width,
            forgotten=self._forgotten[group, slot, worker.identity.release],
        )

    def _forget(self) -> None:
        """Drops lives beyond the bounds: of each slot, of all past ones together, and of slots that are no more."""
        past = [track for track in self._tracks.values() if track.ended]
        past.sort(key=lambda track: track.last_at, reverse=True)
        latest: dict[Group, float] = {}
        living: set[tuple[Group, str]] = set()
        for track in self._tracks.values():
            group = self._group(track)
            latest[group] = max(latest.get(group, 0.0), track.last_at)
            if not track.ended:
                living.add((group, self._slot(track)))
        kept: Counter[tuple[Group, str]] = Counter()
        held_bytes = 0
        for track in past:
            group, slot = self._group(track), self._slot(track)
            kept[group, slot] += 1
            held_bytes += track.held_bytes
            worker = self._workers[track.worker_id]
            gone_s = GONE_INTERVALS * worker.identity.interval_s
            if (group, slot) not in living and latest[group] - track.last_at > gone_s:
                self._drop(track)
            elif kept[group, slot] > MOST_LIVES or held_bytes > MOST_PAST_BYTES:
                self._forgotten[group, slot, worker.identity.release] += 1
                self._drop(track)

    def _drop(self, track: Track) -> None:
        del self._tracks[track.worker_id], self._workers[track.worker_id]

    def _of(self, group: Group) -> Iterable[Track]:
        return [track for track in self._tracks.values() if self._group(track) == group]

    def _group(self, track: Track) -> Group:
        identity = self._workers[track.worker_id].identity
        return identity.service, identity.environment

    def _slot(self, track: Track) -> str:
        worker = self._workers[track.worker_id]
        return f"{worker.identity.host}/{worker.slot}"


def _memory(tracks: list[Track], workers: int) -> Memory | None:
    told = [track for track in tracks if track.vitals.get("limit_bytes") and track.vitals.get("rss_bytes")]
    if not told:
        return None
    resident = [float(track.vitals["rss_bytes"] or 0) for track in told]
    settled = [float(track.resident[len(track.resident) // 8]) for track in told if track.used]
    served = sum(float(track.requests[-1]) for track in told if track.used)
    lived = sum(float(track.age_s[-1]) for track in told if track.used)
    return Memory(
        limit_bytes=min(float(track.vitals["limit_bytes"] or 0) for track in told),
        used_bytes=max([sum(resident), *(float(track.vitals.get("limit_used_bytes") or 0) for track in told)]),
        workers=len(tracks),
        share=len(tracks) / max(workers, 1),
        settled_bytes=float(np.nanquantile(settled, 0.95)) if np.isfinite(settled).any() else max(resident),
        requests_per_s=served / lived if lived > 0 else 0.0,
    )


def _added_up(track: Track, ids: Ints, wanted: Ints) -> tuple[Floats, Floats]:
    """A track's rows by ids (rows,), in the order of those wanted, which ascend; equal ids are added up.

    Returns:
        Their floors, and their variance, live bytes and bytes ever allocated, shape (3, wanted).
    """
    rows = np.flatnonzero(np.isin(ids, wanted))
    at = np.searchsorted(wanted, ids[rows])
    own = track.floors[rows].astype(np.float64)
    floors, seen = np.zeros((len(wanted), track.used)), np.zeros((len(wanted), track.used), dtype=np.bool_)
    np.add.at(floors, at, np.nan_to_num(own))
    np.logical_or.at(seen, at, ~np.isnan(own))
    facts = np.array(
        [np.bincount(at, values[rows], len(wanted)) for values in (track.noise, track.levels, track.allocated)]
    )
    return np.where(seen, floors, np.nan), facts


def _risen(ids: Ints, rises: Floats, least: float) -> Ints:
    """The ids, none of them negative, whose rises come to more than the least."""
    found, where = np.unique(ids, return_inverse=True)
    return np.asarray(found[(np.bincount(where, rises, len(found)) > least) & (found >= 0)])


def _others(places: Ints, sites: Ints) -> NDArray[np.bool_]:
    """Which places have more than one of these sites."""
    pairs = np.unique(np.column_stack([places, sites]), axis=0)
    found, count = np.unique(pairs[:, 0], return_counts=True)
    return np.isin(places, found[count > 1])
