"""Services, their workers, the sites that grow in them, and what people ask of them or tell about them."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from heaptide_server.api.shapes import growth_json, resident_json, service_json, worker_json
from heaptide_server.api.windows import window_s
from heaptide_server.ingest.names import FilledName, Name
from heaptide_server.model import Event
from heaptide_server.resident import explained, together
from heaptide_server.store.protocol import Store

MAX_TOP = 1000


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class EventBody(_Body):
    """Something that happened to a service; `at` in seconds since the epoch, now when it's left out."""

    service: FilledName
    kind: FilledName = "deploy"
    environment: FilledName | None = None
    release: FilledName | None = None
    text: Name = ""
    at: Annotated[float, Field(ge=0, le=9e9)] | None = None


class TraceBody(_Body):
    """Mean bytes between two samples; 0 turns tracing off, null gives each worker its own rate back."""

    sample_bytes: Annotated[int, Field(ge=0, le=1 << 40)] | None


def router(store: Store) -> APIRouter:
    """Routes about services. A service's name may have slashes in it."""
    routes = APIRouter(prefix="/api/v1")

    @routes.get("/services")
    def get_services() -> dict[str, Any]:
        """All services, a row an environment."""
        return {"services": [service_json(summary) for summary in store.services(time.time())]}

    @routes.get("/services/{service:path}/sites")
    def get_sites(
        service: str,
        window: str = "6h",
        top: Annotated[int, Query(ge=1, le=MAX_TOP)] = 50,
        environment: str | None = None,
    ) -> dict[str, Any]:
        """The sites that grew most in the window, largest first."""
        now = time.time()
        rows = store.top_growth(service, environment, now - window_s(window), now, top)
        return {"service": service, "window": window, "sites": [growth_json(row) for row in rows]}

    @routes.get("/services/{service:path}/workers")
    def get_workers(service: str, window: str = "24h", environment: str | None = None) -> dict[str, Any]:
        """Workers seen in the window, and what the resident set of those that live is made of, each and together."""
        workers = store.workers(service, environment, time.time() - window_s(window))
        parts = explained(workers, store.traced(service, environment))
        rows = [worker_json(worker, parts.get(worker.id)) for worker in workers]
        return {"service": service, "resident": resident_json(together(list(parts.values()))), "workers": rows}

    @routes.post("/services/{service:path}/trace", status_code=202)
    def post_trace(service: str, body: TraceBody) -> dict[str, Any]:
        """Asks each worker of the service to trace at this rate, with the reply to its next report."""
        return {"id": store.request_trace(service, body.sample_bytes, time.time())}

    @routes.post("/events", status_code=201)
    def post_event(body: EventBody) -> dict[str, Any]:
        """Marks a deploy, or what else happened."""
        at = time.time() if body.at is None else body.at
        store.add_event(Event(at, body.kind, body.service, body.environment, body.release, body.text))
        return {}

    return routes
