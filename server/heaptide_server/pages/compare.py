"""The page that compares: two windows of a service, or two of its releases."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from heaptide_dashboards import render
from heaptide_dashboards.comparing import AGAINST, ComparePage, Side, SiteDelta, change_of, compare_url
from heaptide_dashboards.format import shorten
from heaptide_dashboards.windows import DEFAULT_WINDOW
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.model import ReleaseSeen, Site, SiteTurnover, Turnover
from heaptide_server.pages.choosing import seconds
from heaptide_server.pages.problems import Missing, PageRoute, Problem
from heaptide_server.pages.rows import frame_views, place
from heaptide_server.store.protocol import Store

# As far back as totals are kept by default.
RELEASES_S = 90 * 86400.0
ROWS = 100
# Windows begin where a bucket does, so that the minutes before it needn't be read report by report.
BUCKET_S = 300.0
_EARLIER_S = {"previous": None, "day": 86400.0, "week": 7 * 86400.0}
_NOTHING = SiteTurnover(0, 0, 0)


@dataclass(frozen=True)
class Choice:
    """What a reader asked for, as it stands in the address."""

    service: str
    environment: str
    mode: Literal["windows", "releases"]
    window: str
    against: str
    base: str
    release: str

    @property
    def address(self) -> str:
        """The page's own address."""
        if self.mode == "releases":
            choice = {"mode": "releases", "release": self.release, "base": self.base}
        else:
            choice = {"window": self.window, "against": self.against}
        return compare_url(self.service, self.environment, **choice)


def router(store: Store, ledger: Ledger, clock: Callable[[], float] = time.time) -> APIRouter:
    """The page's route.

    Args:
        clock: seconds since the epoch.
    """
    routes = APIRouter(default_response_class=HTMLResponse, route_class=PageRoute, include_in_schema=False)

    @routes.get("/compare")
    def compare(
        service: str | None = None,
        environment: str | None = None,
        mode: str = "windows",
        window: str = DEFAULT_WINDOW,
        against: str = "previous",
        base: str = "",
        release: str = "",
    ) -> str:
        where = _where(store, service, environment, clock())
        chosen = Choice(*where, "releases" if mode == "releases" else "windows", window, against, base, release)
        page, chosen = _page(store, ledger, chosen, clock())
        return render.compare_html(page, chosen.address)

    return routes


def _where(store: Store, service: str | None, environment: str | None, now: float) -> tuple[str, str]:
    """The service and environment meant; where none is named, the ones heard of last."""
    known = sorted(store.services(now), key=lambda one: -one.last_seen)
    meant = [one for one in known if service in (None, one.service)]
    if not meant:
        raise Missing(f"No worker of {shorten(service or 'any service', 80)!r} has reported yet.")
    # Who changes the service in the form may keep an environment that the other one doesn't have.
    return next(((one.service, one.environment) for one in meant if one.environment == environment), (
        meant[0].service, meant[0].environment,
    ))  # fmt: skip


def _page(store: Store, ledger: Ledger, choice: Choice, now: float) -> tuple[ComparePage, Choice]:
    releases = store.releases(choice.service, choice.environment, now - RELEASES_S)
    choice = _released(choice, releases) if choice.mode == "releases" else choice
    before, after, told = _sides(store, choice, releases, now)
    rows, others = _rows(store, ledger, choice, *told)
    known = store.services(now)
    page = ComparePage(
        now=now,
        service=choice.service,
        environment=choice.environment,
        mode=choice.mode,
        window=choice.window,
        against=choice.against,
        base=choice.base,
        release=choice.release,
        before=before,
        after=after,
        rows=rows,
        services=list(dict.fromkeys(one.service for one in known)),
        environments=[one.environment for one in known if one.service == choice.service],
        releases=[one.release for one in releases if one.release is not None],
        others=others,
    )
    return page, choice


def _released(choice: Choice, releases: Sequence[ReleaseSeen]) -> Choice:
    """The choice with its releases filled in: the newest against the one before it."""
    names = [one.release for one in releases if one.release is not None]
    for name in (choice.release, choice.base):
        if name and name not in names:
            raise Missing(f"No worker of release {shorten(name, 60)!r} was seen in {choice.environment!r}.")
    release = choice.release or (names[0] if names else "")
    others = [name for name in names if name != release]
    base = choice.base or (others[0] if others else release)
    return Choice(choice.service, choice.environment, "releases", choice.window, choice.against, base, release)


def _sides(
    store: Store, choice: Choice, releases: Sequence[ReleaseSeen], now: float
) -> tuple[Side, Side, tuple[Turnover, Turnover]]:
    if choice.mode == "releases":
        spans = [_life(releases, name, now) for name in (choice.base, choice.release)]
        names = [f"release {name}" if name else "no release" for name in (choice.base, choice.release)]
        only: list[tuple[str, ...]] = [(choice.base,), (choice.release,)]
    else:
        spans = _windows(choice, now)
        names = [f"the {choice.window} {'before' if choice.against == 'previous' else AGAINST[choice.against]}"]
        names += [f"the last {choice.window}"]
        only = [(), ()]
    told = [
        store.turnover(choice.service, choice.environment, *span, one) for span, one in zip(spans, only, strict=True)
    ]
    before, after = (
        Side(name, *span, one.worker_s, one.requests) for name, span, one in zip(names, spans, told, strict=True)
    )
    return before, after, (told[0], told[1])


def _windows(choice: Choice, now: float) -> list[tuple[float, float]]:
    length_s = seconds(choice.window)
    if choice.against not in AGAINST:
        text = f"against={shorten(choice.against, 40)} is none of {', '.join(AGAINST)}. Choose one of them."
        raise Problem(400, "Nothing to compare with", text)
    begins = (now - length_s) // BUCKET_S * BUCKET_S
    earlier_s = _EARLIER_S[choice.against] or length_s
    earlier = (begins - earlier_s) // BUCKET_S * BUCKET_S
    return [(earlier, min(begins, earlier + length_s // BUCKET_S * BUCKET_S)), (begins, now)]


def _life(releases: Sequence[ReleaseSeen], name: str, now: float) -> tuple[float, float]:
    seen = next((one for one in releases if one.release == name), None)
    if seen is None:
        return now, now
    return seen.first_seen // BUCKET_S * BUCKET_S, min(now, seen.last_seen + BUCKET_S)


def _rows(
    store: Store, ledger: Ledger, choice: Choice, before: Turnover, after: Turnover
) -> tuple[list[SiteDelta], int]:
    """The sites that differ most, and how many more there are; none where one side has no workers."""
    if not before.worker_s or not after.worker_s:
        return [], 0
    rates = {site: (_rate(before, site), _rate(after, site)) for site in before.sites.keys() | after.sites.keys()}
    changed = [site for site, (was, now) in rates.items() if was or now]
    ranked = sorted(changed, key=lambda site: (-abs(rates[site][1] - rates[site][0]), -abs(rates[site][1]), site))
    sites = store.sites(ranked[:ROWS])
    leaks = {
        leak.site.id: leak.id
        for leak in ledger.leaks(choice.service)
        if leak.site and leak.environment == choice.environment and leak.status != "resolved"
    }
    rows = [
        _row(sites[site], *rates[site], after.sites.get(site, _NOTHING), site in before.sites, leaks.get(site))
        for site in ranked[:ROWS]
        if site in sites
    ]
    others = sum(change_of(*rates[site], site in before.sites) != "same" for site in ranked[ROWS:])
    return rows, others


def _rate(side: Turnover, site: int) -> float:
    return side.sites.get(site, _NOTHING).net_bytes / (side.worker_s / 3600)


def _row(site: Site, before: float, after: float, told: SiteTurnover, known: bool, leak_id: str | None) -> SiteDelta:
    where, function = place(site)
    return SiteDelta(
        frames=frame_views(site),
        where=where,
        function=function,
        in_app=site.top is not None and site.top.in_app,
        before=before,
        after=after,
        new_bytes=told.new_bytes,
        freed_bytes=told.freed_bytes,
        known=known,
        leak_id=leak_id,
    )
