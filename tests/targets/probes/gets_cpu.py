"""Looks like `waits_for_cpu`, and isn't: as many others on the loop's CPU, which never needs it for long."""

import asyncio

from fastapi import FastAPI
from waits_for_cpu import PATH, TIMES, TOGETHER, lifespan

__all__ = ["PATH", "TIMES", "TOGETHER", "app"]
app = FastAPI(lifespan=lifespan)


@app.get("/report")
async def report() -> str:
    await asyncio.sleep(0.05)
    return "ok"
