"""Tells open pages when something was reported, by server-sent events. What it was they ask for themselves."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

import anyio
from fastapi import APIRouter
from sse_starlette import EventSourceResponse, ServerSentEvent

from heaptide_server.store.protocol import Store

LOOK_EVERY_S = 0.5
# A page that hears nothing for longer asks by itself: something between it and us swallows the stream.
ALIVE_EVERY_S = 15.0


def router(store: Store, *, look_every_s: float = LOOK_EVERY_S, alive_every_s: float = ALIVE_EVERY_S) -> APIRouter:
    """The stream's route."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/live")
    async def live(service: str | None = None, environment: str | None = None) -> EventSourceResponse:
        """A stream of `changed`, with when a worker was last heard of and how many live, and of `alive` in between."""
        events = _events(store, service, environment, look_every_s, alive_every_s)
        return EventSourceResponse(events, ping=3600)

    return routes


async def _events(
    store: Store, service: str | None, environment: str | None, look_every_s: float, alive_every_s: float
) -> AsyncIterator[ServerSentEvent]:
    told, told_at = None, 0.0
    while True:
        # Read from memory, so it doesn't hold up the others on this loop.
        heard = store.heard(service, environment)
        if heard != told:
            told, told_at = heard, time.monotonic()
            yield ServerSentEvent(json.dumps({"heard": heard[0], "workers": heard[1]}), event="changed")
        elif time.monotonic() - told_at >= alive_every_s:
            told_at = time.monotonic()
            yield ServerSentEvent("", event="alive")
        await anyio.sleep(look_every_s)
