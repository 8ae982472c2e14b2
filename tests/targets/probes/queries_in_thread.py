"""Looks like `queries`, and isn't: the same query in a sync endpoint, which runs in a thread."""

from fastapi import FastAPI
from queries import PATH, TIMES, TOGETHER, total

__all__ = ["PATH", "TIMES", "TOGETHER", "app"]
app = FastAPI()


@app.get("/orders/{number}/total")
def order(number: int) -> int:
    return total(number)
