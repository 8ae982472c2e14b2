"""Fault: the loop's CPU is another's most of the time, so what takes a moment by itself takes long."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from computes import part
from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/report", 12, 1
OTHERS = 8


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    # The loop's thread alone, and those that it starts from now on: the watch keeps the other CPUs.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with ExitStack() as others:
        for _ in range(OTHERS):
            process = others.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            others.callback(process.kill)
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/report")
async def report() -> int:
    total = sum(part() for _ in range(3))
    await asyncio.sleep(0.05)
    return total
