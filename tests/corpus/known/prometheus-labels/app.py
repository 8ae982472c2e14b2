"""A raw path as a Prometheus label, in a Starlette middleware: a child of the metric for each path that was ever asked.

VARIANT=fixed labels by the route's template.
"""

import asyncio
import itertools
import os

import httpx
from prometheus_client import Histogram
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
SECONDS = Histogram("http_request_seconds", "latency", ["method", "path"])
NUMBERS = itertools.count(1)


async def user(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("u")


class Metrics:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)
        path = scope["path"] if LEAKY else "/users/{id}"
        SECONDS.labels(scope["method"], path).observe(0.01)


LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
CLIENT = httpx.AsyncClient(
    transport=httpx.ASGITransport(app=Metrics(Starlette(routes=[Route("/users/{id}", user)]))), base_url="http://t"
)


def step() -> None:
    LOOP.run_until_complete(CLIENT.get(f"/users/{next(NUMBERS)}"))
