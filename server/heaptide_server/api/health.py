"""`/healthz` for whoever restarts the collector, `/metrics` for whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from heaptide_server.api.metrics import Metrics
from heaptide_server.store.protocol import Store, StoreUnavailable


def router(store: Store, metrics: Metrics, jobs: Callable[[], dict[str, Any]]) -> APIRouter:
    """Routes about the collector itself.

    Args:
        jobs: what the jobs did last, by name.
    """
    routes = APIRouter()

    @routes.get("/healthz")
    def get_health() -> JSONResponse:
        """Whether reports can be stored (503 when not), and what the jobs did last."""
        problem = None
        try:
            store.check(time.time())
        except StoreUnavailable as error:
            problem = str(error)
        body = {
            "status": "ok" if problem is None else "failing",
            "store": {"writable": problem is None, "problem": problem, "bytes": store.size_bytes()},
            "jobs": jobs(),
        }
        return JSONResponse(body, status_code=200 if problem is None else 503)

    @routes.get("/metrics", response_class=Response)
    def get_metrics() -> Response:
        """Prometheus' text format."""
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return routes
