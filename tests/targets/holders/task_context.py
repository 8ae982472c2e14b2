"""A contextvar that a task was born with: its context lives as long as the task."""

import asyncio
import contextvars
import threading

from held import make

EXPECTED = "task_context.TASKS: list of 1 -> [index]: Task -> in Task: Context -> "
ALSO = "contextvar request_seen: list of 5 -> [index]: Held"
TASKS = []
variable = contextvars.ContextVar("request_seen")
started = threading.Event()
found = []


async def main():
    objects, addresses = make()
    found.extend(addresses)
    context = contextvars.copy_context()
    context.run(variable.set, objects)
    context.run(lambda: TASKS.append(asyncio.ensure_future(asyncio.sleep(3600))))
    del objects, addresses, context
    await asyncio.sleep(0)
    started.set()
    await asyncio.sleep(3600)


def hold():
    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    started.wait()
    return found
