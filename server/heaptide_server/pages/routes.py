"""The dashboard's addresses. Everything that a page shows stands in its address, so that each is a permalink."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from heaptide_dashboards import render
from heaptide_dashboards.choices import Choice
from heaptide_dashboards.format import shorten
from heaptide_dashboards.windows import DEFAULT_WINDOW
from heaptide_server.leaks.diagnosing import Diagnosing, NobodyToAskError
from heaptide_server.leaks.ledger import Ledger, UnknownLeakError
from heaptide_server.pages.choosing import read_choice, seconds
from heaptide_server.pages.figures import add_figures
from heaptide_server.pages.forms import form_fields, grown_bytes
from heaptide_server.pages.parts import Parts
from heaptide_server.pages.problems import Missing, PageRoute, Problem, no_such_leak
from heaptide_server.pages.views import Viewer
from heaptide_server.store.protocol import Store

PARTS: dict[str, Callable[[Parts], str]] = {
    "vital": lambda parts: render.vital_html(parts.vital()),
    "made": lambda parts: render.made_html(parts.made_of()),
    "growth": lambda parts: render.growth_html(parts.growth()),
    "types": lambda parts: render.types_html(parts.types()),
}


def router(
    store: Store,
    ledger: Ledger,
    *,
    base_url: str | None,
    needs_token: bool = False,
    source_template: str | None = None,
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """The dashboard's routes. Static files are mounted by the app, from `heaptide_dashboards.STATIC`.

    Args:
        base_url: this collector's own address, shown to those who connect a service; None takes the reader's.
        needs_token: whether agents must send a token.
        source_template: where a line's source is on the web, as `heaptide_dashboards.sources` takes it.
        clock: seconds since the epoch.
    """
    routes = APIRouter(default_response_class=HTMLResponse, route_class=PageRoute, include_in_schema=False)
    render.prepare()

    def viewer(own_url: str = "") -> Viewer:
        return Viewer(store, ledger, clock(), base_url=base_url or own_url, source_template=source_template)

    @routes.get("/")
    def services(request: Request) -> str:
        return render.services_html(viewer().services(base_url or own_address(request), needs_token))

    @routes.get("/services/{service:path}")
    def service(service: str, choice: Annotated[Choice, Depends(read_choice)], environment: str | None = None) -> str:
        return render.service_html(viewer().service(service, environment, choice))

    @routes.get("/parts/{name}")
    def part(name: str, service: str, environment: str, choice: Annotated[Choice, Depends(read_choice)]) -> str:
        parts = viewer().parts(service, environment, choice)
        if name not in PARTS:
            raise Missing(f"There is no part {shorten(name, 40)!r} of a page.")
        return PARTS[name](parts)

    @routes.get("/leaks/{leak_id}")
    def leak(request: Request, leak_id: str, window: str = DEFAULT_WINDOW) -> str:
        view = viewer(own_address(request))
        return render.leak_html(view.leak(view.find(leak_id), seconds(window)))

    add_figures(routes, viewer)

    @routes.post("/leaks/{leak_id}/mute")
    def mute(leak_id: str, fields: Annotated[dict[str, str], Depends(form_fields)]) -> Response:
        grown = grown_bytes(fields)
        return _action(lambda one, now: ledger.mute(one, now, grown), clock)(leak_id)

    acts: dict[str, Callable[[str, float], object]] = {
        "resolve": ledger.resolve,
        "reopen": ledger.reopen,
        "diagnose": Diagnosing(store, ledger).ask,
    }
    for name, act in acts.items():
        routes.post(f"/leaks/{{leak_id}}/{name}")(_action(act, clock))
    return routes


def own_address(request: Request) -> str:
    """This collector's address, as whoever reads the page has reached it."""
    return str(request.base_url).rstrip("/")


def _action(act: Callable[[str, float], object], clock: Callable[[], float]) -> Callable[[str], Response]:
    def answer(leak_id: str) -> Response:
        try:
            act(leak_id, clock())
        except UnknownLeakError as error:
            raise no_such_leak(leak_id) from error
        except NobodyToAskError as error:
            raise Problem(409, "Nobody to ask", str(error)) from error
        # A form without script follows it to the page, htmx does too and takes the new content from there.
        return RedirectResponse(render.leak_url(leak_id), status_code=303)

    return answer
