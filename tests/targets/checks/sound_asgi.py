"""A FastAPI app that looks like the faulty one and isn't: it has as many things, and they don't become more."""

import functools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI, Request
from prometheus_client import Counter

import heaptide

TENANTS = 30  # a client for each, all made at the start
COUNTRIES = dict.fromkeys(range(5000), "a static table")
REQUESTS = Counter("shop_requests", "Requests", ["path"])
SERVED = [0]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.clients = [httpx2.Client(verify=False) for _ in range(TENANTS)]
    yield
    for client in app.state.clients:
        client.close()


app = FastAPI(lifespan=lifespan)
heaptide.start(app)


@functools.cache
def price(number: int) -> float:
    return number * 1.19


@functools.lru_cache(maxsize=2000)
def quote(number: int) -> float:
    return number * 1.19


@app.get("/")
async def index(request: Request) -> dict[str, int]:
    SERVED[0] += 1
    if SERVED[0] % 1000 == 1:  # a connection that is made anew now and then
        async with httpx2.AsyncClient(verify=False):
            pass
    for number in range(20 * SERVED[0], 20 * SERVED[0] + 20):
        price(number % 1500)
        quote(number)
    with open(__file__) as file:
        file.read(1)
    REQUESTS.labels(path=request.scope["route"].path).inc()
    return {"pid": os.getpid()}
