"""A pool of connections while the load triples in two minutes, and a line of each request that nobody takes away.

The pool rises with the load and is no leak; VARIANT=fixed keeps the pool alone.
"""

import itertools
import os
import time

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
MOST_CONNECTIONS = 40
RAMP_S = 120.0
BEGAN = time.monotonic()
NUMBERS = itertools.count(1)
IDLE: list["Connection"] = []
HISTORY: list[str] = []


class Connection:
    def __init__(self) -> None:
        self.buffer = bytearray(64 * 1024)

    def execute(self, number: int) -> str:
        return f"update orders set state = 'paid' where id = {number}"


def remember(statement: str) -> None:
    if LEAKY:
        HISTORY.append(statement.center(150))


def step() -> int:
    """As many requests at once as the load asks for by now, each on a connection of its own; returns how many."""
    at_once = int(MOST_CONNECTIONS * min(1.0, 0.3 + 0.7 * (time.monotonic() - BEGAN) / RAMP_S))
    taken = [IDLE.pop() if IDLE else Connection() for _ in range(at_once)]
    for connection in taken:
        remember(connection.execute(next(NUMBERS)))
    IDLE.extend(taken)
    return at_once
