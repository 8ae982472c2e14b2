"""The charts' figures as JSON, for the module that draws them."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from heaptide_dashboards import charts, trend
from heaptide_dashboards.windows import DEFAULT_WINDOW
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
        rates = found.bytes_per_hour, found.bytes_per_hour_low, found.bytes_per_hour_high
        fit = trend.fitted(lines[0], found.first_seen, *rates) if lines else None
        return JSONResponse(charts.leak_figure(lines, marks, fit))
