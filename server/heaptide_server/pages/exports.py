"""What stands in the pages' tables as files: CSV for a spreadsheet, collapsed stacks for flame graph tools."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import Response

from heaptide_dashboards import csvs
from heaptide_dashboards.format import shorten
from heaptide_dashboards.windows import DEFAULT_WINDOW
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.model import SiteGrowth
from heaptide_server.pages.choosing import seconds
from heaptide_server.pages.problems import Missing, PageRoute
from heaptide_server.pages.rows import all_worker_rows, frame_views, leak_row, site_row
from heaptide_server.store.protocol import Store

# More rows than a person reads, and as many as a spreadsheet takes without a thought.
MOST_SITES = 10_000


def router(store: Store, ledger: Ledger, clock: Callable[[], float] = time.time) -> APIRouter:
    """The files' routes.

    Args:
        clock: seconds since the epoch.
    """
    routes = APIRouter(prefix="/export", route_class=PageRoute, include_in_schema=False)

    def grown(service: str, environment: str | None, window: str) -> list[SiteGrowth]:
        _check(store, service, clock())
        return store.top_growth(service, environment, clock() - seconds(window), clock(), MOST_SITES)

    @routes.get("/sites.csv")
    def sites(service: str, environment: str | None = None, window: str = DEFAULT_WINDOW) -> Response:
        leaks = {leak.site.id: leak.id for leak in ledger.leaks(service) if leak.site}
        rows = [site_row(one, leaks) for one in grown(service, environment, window)]
        return _file(csvs.sites_csv(rows), "text/csv", f"{service}-sites-{window}.csv")

    @routes.get("/sites.collapsed")
    def collapsed(service: str, environment: str | None = None, window: str = DEFAULT_WINDOW) -> Response:
        stacks = [(frame_views(one.site), float(one.growth_bytes)) for one in grown(service, environment, window)]
        return _file(csvs.collapsed(stacks), "text/plain", f"{service}-sites-{window}.collapsed")

    @routes.get("/leaks.csv")
    def leaks(service: str | None = None, environment: str | None = None) -> Response:
        found = [leak for leak in ledger.leaks(service) if environment in (None, leak.environment)]
        text = csvs.leaks_csv(leak_row(leak) for leak in found)
        return _file(text, "text/csv", f"{service or 'all'}-leaks.csv")

    @routes.get("/workers.csv")
    def workers(service: str, environment: str | None = None, window: str = DEFAULT_WINDOW) -> Response:
        _check(store, service, clock())
        found = store.workers(service, environment, clock() - seconds(window))
        return _file(csvs.workers_csv(all_worker_rows(found)), "text/csv", f"{service}-workers-{window}.csv")

    return routes


def _check(store: Store, service: str, now: float) -> None:
    if service not in {one.service for one in store.services(now)}:
        raise Missing(f"No worker of {shorten(service, 80)!r} has reported yet.")


def _file(text: str, kind: str, name: str) -> Response:
    # A service's name may hold anything; a file's name here holds letters, digits, dots and dashes.
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[-120:]
    headers = {"Content-Disposition": f'attachment; filename="{plain}"', "Cache-Control": "no-store"}
    return Response(text.encode("utf-8", "replace"), media_type=f"{kind}; charset=utf-8", headers=headers)
