"""Looks like `sleeps`, and isn't: the loop goes on while an endpoint sleeps, or has a thread sleep."""

import asyncio
import time

from fastapi import FastAPI

PATH, TIMES, TOGETHER = "/orders/17", 6, 3
app = FastAPI()


def settle() -> None:
    time.sleep(0.12)


@app.get("/orders/{number}")
async def order(number: int) -> int:
    await asyncio.sleep(0.12)
    await asyncio.to_thread(settle)
    return number
