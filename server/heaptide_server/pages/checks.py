"""The checks page: findings of a service, or of all."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from heaptide_dashboards import checks as views
from heaptide_dashboards import render
from heaptide_server.checks.checkup import Checked, check_all
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.pages.problems import PageRoute
from heaptide_server.store.protocol import Store


def router(store: Store, ledger: Ledger, clock: Callable[[], float] = time.time) -> APIRouter:
    """The page's route.

    Args:
        clock: seconds since the epoch.
    """
    routes = APIRouter(default_response_class=HTMLResponse, route_class=PageRoute, include_in_schema=False)

    @routes.get("/checks")
    def checks(service: str | None = None, environment: str | None = None) -> str:
        now = clock()
        checked = [checked_view(one) for one in check_all(store, ledger, now, service, environment)]
        return render.checks_html(views.ChecksPage(now, checked, service, environment))

    return routes


def checked_view(checked: Checked) -> views.CheckedService:
    """A service as the page shows it."""
    return views.CheckedService(
        service=checked.service,
        environment=checked.environment,
        workers=checked.workers,
        telling=checked.telling,
        findings=[views.FindingView(id=checked.id_of(one), **vars(one)) for one in checked.findings],
    )
