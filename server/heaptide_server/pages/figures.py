"""The charts' figures as JSON, for the module that draws them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from heaptide_dashboards import charts
from heaptide_dashboards.trend import Trend, of_lines
from heaptide_dashboards.views import Line
from heaptide_dashboards.windows import DEFAULT_WINDOW
from heaptide_server.model import Leak
from heaptide_server.pages.choosing import seconds
from heaptide_server.pages.views import Viewer


def add_figures(routes: APIRouter, viewer: Callable[[], Viewer]) -> None:
    """Adds the figures' routes; they take the same query as the page that shows them."""

    @routes.get("/figures/leak")
    def leak(leak_id: str, window: str = DEFAULT_WINDOW) -> Response:
        view, span_s = viewer(), seconds(window)
        found = view.find(leak_id)
        marks = view.marks(found.service, found.environment, span_s)
        lines = view.leak_growth(found, span_s)
        return JSONResponse(charts.leak_figure(lines, marks, _trend(found, lines)))


def _trend(leak: Leak, lines: Sequence[Line]) -> Trend | None:
    rates = leak.bytes_per_hour, leak.bytes_per_hour_low, leak.bytes_per_hour_high
    return of_lines(lines, leak.status, leak.first_seen, *rates)
