"""Fault: no step takes long, and so many are due at once that the loop is late all the time."""

import asyncio
import os
from contextlib import suppress

from computes import part
from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/report", 8, 1
TASKS, STEPS = 24, 3
app = FastAPI()
with suppress(PermissionError):  # before all others, so that a step takes no longer where the machine is busy
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


async def steps() -> None:
    for _ in range(STEPS):
        part()
        await asyncio.sleep(0)


@app.get("/report")
async def report() -> None:
    await asyncio.gather(*(steps() for _ in range(TASKS)))
