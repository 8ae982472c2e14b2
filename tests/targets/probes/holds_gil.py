"""Fault: a call into C that keeps the GIL, in a sync endpoint's thread: the loop has done nothing, and stands still."""

from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/report", 6, 1
app = FastAPI()


@app.get("/report")
def report() -> int:
    return sum(range(12_000_000))
