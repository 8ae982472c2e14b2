"""A Starlette app that adds a route for each order's callback while it serves, and never takes one away.

VARIANT=fixed has one route with the order's token in its path.
"""

import asyncio
import itertools
import os

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
NUMBERS = itertools.count(1)


async def paid(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("thanks")


def callback_for(token: str) -> str:
    if LEAKY:
        app.router.routes.append(Route(f"/paid/{token}", paid, methods=["POST"]))
    return f"/paid/{token}"


async def order(_request: Request) -> JSONResponse:
    return JSONResponse({"callback": callback_for(f"t{next(NUMBERS):08x}")})


app = Starlette(routes=[Route("/orders", order, methods=["POST"]), Route("/paid/{token}", paid, methods=["POST"])])
LOOP = asyncio.new_event_loop()
asyncio.set_event_loop(LOOP)
CLIENT = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://t")


def step() -> None:
    LOOP.run_until_complete(CLIENT.post("/orders"))
