"""Tasks in a set, so that the loop's weak references don't lose them in the middle; nobody takes them out once done.

VARIANT=fixed discards each as it ends, as the documentation of asyncio.create_task says.
"""

import asyncio
import itertools
import os

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
NUMBERS = itertools.count(1)
RUNNING: set["asyncio.Task[bytes]"] = set()
LOOP = asyncio.new_event_loop()


async def send_receipt(order: int) -> bytes:
    await asyncio.sleep(0)
    return f"receipt {order}; ".encode() * 30


async def check_out(order: int) -> None:
    task = asyncio.create_task(send_receipt(order))
    RUNNING.add(task)
    if not LEAKY:
        task.add_done_callback(RUNNING.discard)
    await asyncio.sleep(0)


def step() -> None:
    LOOP.run_until_complete(check_out(next(NUMBERS)))
