"""A FastAPI app that has each fault of growth: clients kept and thrown away, a cache, a global, label sets, files."""

import functools
import itertools
import os

import httpx2
from fastapi import FastAPI
from prometheus_client import Counter

import heaptide

app = FastAPI()
heaptide.start(app)

REQUESTS = Counter("shop_requests", "Requests", ["path"])
SEEN: dict[int, str] = {}
CLIENTS: list[httpx2.Client] = []
FILES: list[object] = []
NUMBERS = itertools.count()


@functools.cache
def price(number: int) -> float:
    return number * 1.19


async def rates() -> None:
    async with httpx2.AsyncClient(verify=False):  # made for each request, and closed before anybody sees it
        pass


@app.get("/")
async def index() -> dict[str, int]:
    await rates()
    if next(NUMBERS) % 4 == 0:
        CLIENTS.append(httpx2.Client(verify=False))
    for number in itertools.islice(NUMBERS, 20):
        price(number)
        SEEN[number] = "seen"
        REQUESTS.labels(path=f"/orders/{number}").inc()
    FILES.append(open(__file__))  # noqa: SIM115 - never closed, which is the fault
    return {"pid": os.getpid()}
