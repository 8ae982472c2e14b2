"""Fault: sync endpoints that wait for long, and more callers than there are threads."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/slow", 20, 10


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = 4
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/slow")
def slow() -> str:
    time.sleep(0.4)
    return "ok"
