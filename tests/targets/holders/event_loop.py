"""A callback that a running loop will call much later."""

import asyncio
import threading

from held import make

EXPECTED = "_UnixSelectorEventLoop"
ALSO = "Loop._scheduled: list of 2 -> [index]: TimerHandle -> TimerHandle._args: tuple of 1 -> [0]: list of 5 -> "
started = threading.Event()
found = []


async def main():
    objects, addresses = make()
    found.extend(addresses)
    asyncio.get_running_loop().call_later(3600, print, objects)
    del objects, addresses
    started.set()
    await asyncio.sleep(3600)


def hold():
    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    started.wait()
    return found
