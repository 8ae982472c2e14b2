"""Fault: `time.sleep` in async code, below a router with a prefix and a parameter."""

import time

from fastapi import APIRouter, FastAPI

PATH, TIMES, TOGETHER = "/api/orders/17", 5, 1
app, router = FastAPI(), APIRouter(prefix="/api")


def settle() -> None:
    time.sleep(0.12)


@router.get("/orders/{number}")
async def order(number: int) -> int:
    settle()
    return number


app.include_router(router)
