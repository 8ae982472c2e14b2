"""Tasks that are never taken out of the set that keeps them alive."""

import asyncio
import threading

from held import make

EXPECTED = "task_set.TASKS: set of 5 -> [member]: Task -> "
ALSO = "coroutine -> local job of task_set.work(): Held"
TASKS = set()
started = threading.Event()
found = []


async def work(job):
    await asyncio.sleep(3600)
    return job


async def main():
    objects, addresses = make()
    found.extend(addresses)
    TASKS.update(asyncio.ensure_future(work(one)) for one in objects)
    del objects, addresses
    await asyncio.sleep(0)
    started.set()
    await asyncio.sleep(3600)


def hold():
    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    started.wait()
    return found
