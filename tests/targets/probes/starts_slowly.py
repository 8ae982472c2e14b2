"""Looks like `sleeps`, and isn't: it loads something for a while as it starts, before anybody asks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/", 5, 1


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    for _ in range(2):
        await asyncio.sleep(0.8)  # the watch finds the loop meanwhile
        time.sleep(0.2)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def index() -> str:
    return "ok"
