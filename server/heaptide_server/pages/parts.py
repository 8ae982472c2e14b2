"""Asks the store for what a service's charts show. Each is a part of its own: the page doesn't wait for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heaptide_dashboards.choices import METRICS, Choice
from heaptide_dashboards.marks import Marks
from heaptide_dashboards.views import GrowthPart, Line, MadePart, SiteRow, Subject, TypeRow, TypesPart, VitalPart
from heaptide_dashboards.windows import WINDOWS
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.model import Leak, Series, SiteGrowth, Worker
from heaptide_server.pages import happened, made
from heaptide_server.pages.choosing import only
from heaptide_server.pages.fullest import fullest_host, outlook_of
from heaptide_server.pages.lines import (
    MOST_TOLD,
    Span,
    chart_span,
    coarser,
    growth_lines,
    life_lines,
    resident_lines,
    slot_growth,
)
from heaptide_server.pages.rows import place, site_row
from heaptide_server.store.cover import HOUR
from heaptide_server.store.protocol import Store

SITES_SHOWN = 25
TYPES_SHOWN = 15
# More lines than this are a thicket; the newest generations tell of the release that runs, and of all slots those tell
# most that hold most.
MOST_LIVES = 24
LEAST_LIVES = 8
LIVES_AT_ONCE = 256
MOST_SLOTS = 16


class Parts:
    """The parts of one service's page, at one moment.

    Args:
        now: seconds since the epoch.
    """

    def __init__(
        self, store: Store, ledger: Ledger, now: float, service: str, environment: str, choice: Choice
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._subject = Subject(now, service, environment, choice)
        self._where = service, environment
        self._only = only(choice)
        self._since = now - WINDOWS[choice.window]
        self.workers = store.workers(service, environment, self._since, self._only)

    def vital(self) -> VitalPart:
        """The chosen metric of each worker; of resident sets with what the forecast says of them."""
        metric = METRICS[self._subject.choice.metric]
        series = self._series(metric.vital)
        part = VitalPart(self._subject, resident_lines(series), self._marks())
        if metric.vital != "rss_bytes" or self._only.slot is not None or self._only.release is not None:
            return part
        host = fullest_host(self.workers)
        return replace(
            part,
            total=made.total_line(series, host.name) if host and host.workers > 1 else None,
            limit_bytes=host.limit_bytes if host else None,
            outlook=outlook_of(self._leaks()) if host else None,
        )

    def made_of(self) -> MadePart:
        """What resident sets were made of."""
        span = coarser(self._span(), self.workers, MOST_TOLD)
        vitals, traced = self._store.part_series(
            *self._where, made.VITALS, span.since, span.until, span.buckets, self._only
        )
        return MadePart(self._subject, made.part_lines(vitals, traced), self._marks())

    def growth(self) -> GrowthPart:
        """Growth per site: of those that grew most, or of one."""
        rows = self._store.top_growth(*self._where, self._since, self._subject.now, SITES_SHOWN, self._only)
        leaks = {leak.site.id: leak.id for leak in self._leaks() if leak.site and leak.status != "resolved"}
        part = GrowthPart(self._subject, [site_row(row, leaks) for row in rows], [], self._marks())
        choice = self._subject.choice
        chosen = self._chosen(rows) if rows else None
        if not rows:
            return part
        if choice.x == "time" and choice.per == "all":
            return replace(part, lines=self._together([chosen] if chosen else rows[: choice.top]), chosen=_row(chosen))
        sites = [chosen or rows[0]] if choice.per == "worker" or chosen else rows[: choice.top]
        alone = _row(sites[0]) if len(sites) == 1 else None
        ids = [row.site.id for row in sites]
        if choice.x == "time":
            shown, left_out = self._slots(ids)
            return replace(part, lines=slot_growth(self._by_worker(ids, shown)), chosen=alone, left_out=left_out)
        shown, left_out = self._lives(ids)
        series = self._by_worker(ids, shown)
        lines, more = life_lines(series, ids, by_slot=alone is not None, most=MOST_LIVES)
        return replace(part, lines=lines, chosen=alone, left_out=left_out + more, marks=Marks())

    def types(self) -> TypesPart:
        """Object types by growth."""
        rows = self._store.top_types(*self._where, self._since, self._subject.now, TYPES_SHOWN, self._only)
        shown = [TypeRow(row.name, row.growth_count, row.live_count) for row in rows]
        return TypesPart(self._subject, shown, counted=bool(rows))

    def _together(self, rows: list[SiteGrowth]) -> list[tuple[int, Line]]:
        ids = [row.site.id for row in rows]
        span = coarser(self._span(), self.workers, MOST_TOLD, HOUR)
        series = self._store.growth_series(*self._where, ids, span.since, span.until, span.buckets, self._only)
        names = [" ".join(place(row.site)).strip() for row in rows]
        return list(enumerate(growth_lines(series, names), 1))

    def _lives(self, site_ids: list[int]) -> tuple[list[Worker], int]:
        """The newest lives that know one of the sites, and how many older ones there are."""
        lives = sorted(self.workers, key=lambda worker: -worker.first_seen)
        most = max(LEAST_LIVES, MOST_LIVES // len(site_ids))
        shown: list[int] = []
        for first in range(0, len(lives), LIVES_AT_ONCE):
            known = self._store.knowing([one.id for one in lives[first : first + LIVES_AT_ONCE]], site_ids)
            shown += [at for at in range(first, min(first + LIVES_AT_ONCE, len(lives))) if lives[at].id in known]
            if len(shown) >= most:
                return [lives[at] for at in shown[:most]], len(lives) - 1 - shown[most - 1]
        return [lives[at] for at in shown], 0

    def _slots(self, site_ids: list[int]) -> tuple[list[Worker], int]:
        """The lives of the slots that hold most of the sites now, and how many more slots hold some of it."""
        chosen = {worker.id for worker in self.workers}
        held = {
            slot_name(one.worker): int(one.bytes[np.isin(one.site_ids, site_ids)].sum())
            for one in self._store.holdings(*self._where)
            if one.worker.id in chosen
        }
        names = sorted((name for name, size in held.items() if size), key=lambda name: (-held[name], name))
        shown = set(names[:MOST_SLOTS])
        lives = [worker for worker in self.workers if slot_name(worker) in shown]
        return lives or self._lives(site_ids)[0], len(names[MOST_SLOTS:])

    def _by_worker(self, site_ids: list[int], workers: list[Worker]) -> Series:
        span = coarser(self._span(), workers)
        among = [worker.id for worker in workers]
        return self._store.growth_by_worker(
            *self._where, site_ids, span.since, span.until, span.buckets, self._only, among
        )

    def _chosen(self, rows: list[SiteGrowth]) -> SiteGrowth | None:
        """The site that was chosen, also where it isn't among those that grew most."""
        site_id = self._subject.choice.site
        if site_id is None:
            return None
        listed = next((row for row in rows if row.site.id == site_id), None)
        if listed:
            return listed
        site = self._store.sites([site_id]).get(site_id)
        return SiteGrowth(site, 0, 0, 0, None) if site else None

    def _series(self, vital: str) -> Series:
        span = self._span()
        return self._store.vitals_series(*self._where, vital, span.since, span.until, span.buckets, self._only)

    def _span(self) -> Span:
        return chart_span(self.workers, self._subject.now, WINDOWS[self._subject.choice.window])

    def _marks(self) -> Marks:
        events = self._store.events(*self._where, self._since, self._subject.now)
        return happened.marks(self.workers, events, self._since)

    def _leaks(self) -> list[Leak]:
        service, environment = self._where
        return [leak for leak in self._ledger.leaks(service) if leak.environment == environment]


def _row(growth: SiteGrowth | None) -> SiteRow | None:
    return site_row(growth, {}) if growth else None


def slot_name(worker: Worker) -> str:
    """A worker slot as it stands in an address: `host/slot`."""
    return f"{worker.identity.host}/{worker.slot}"
