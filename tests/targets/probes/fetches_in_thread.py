"""Looks like `fetches`, and isn't: the same call in a sync endpoint, which runs in a thread."""

from fastapi import FastAPI
from fetches import PATH, TIMES, TOGETHER, fetch

__all__ = ["PATH", "TIMES", "TOGETHER", "app"]
app = FastAPI()


@app.get("/rates")
def rates() -> int:
    return fetch()
