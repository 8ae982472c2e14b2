"""Fault: a function that computes in async code."""

import time

from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/report", 5, 1
app = FastAPI()


def step(total: int) -> int:
    return (total * 31 + 7) % 1_000_003


def part() -> int:
    """A few milliseconds of work."""
    total = 0
    for _ in range(60_000):
        total = step(total)
    return total


def crunch() -> int:
    until, total = time.thread_time() + 0.12, 0
    while time.thread_time() < until:
        for _ in range(500):
            total = step(total)
    return total


@app.get("/report")
async def report() -> int:
    return crunch()
