"""Looks like `crowds`, and isn't: as many such steps, one after the other."""

from crowds import PATH, TASKS, TIMES, TOGETHER, steps
from fastapi import FastAPI

__all__ = ["PATH", "TIMES", "TOGETHER", "app"]
app = FastAPI()


@app.get("/report")
async def report() -> None:
    for _ in range(TASKS):
        await steps()
