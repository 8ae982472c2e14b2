"""An asynchronous generator that nobody asks for its next item, nor closes."""

import contextlib

from held import make

EXPECTED = "async_generator.PENDING: async_generator -> local rows of async_generator.pages(): list of 5 -> [index]: "
found = []


async def pages():
    rows, addresses = make()
    found.extend(addresses)
    for row in range(10):
        yield row, rows


PENDING = pages()


def hold():
    step = PENDING.asend(None)
    with contextlib.suppress(StopIteration):
        step.send(None)
    return found
