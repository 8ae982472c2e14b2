"""A connection pool while the load triples in two minutes: each connection has a buffer, and the pool has a maximum."""

import itertools
import time
from collections import deque

MOST_CONNECTIONS = 40
RAMP_S = 120.0
BEGAN = time.monotonic()
NUMBERS = itertools.count()
IDLE: deque["Connection"] = deque()


class Connection:
    def __init__(self) -> None:
        self.buffer = bytearray(64 * 1024)
        self.statements: dict[int, str] = {}

    def execute(self, number: int) -> None:
        self.statements[number % 20] = f"select {number}"


def step() -> int:
    """Many requests at once take a connection each, as many as the load asks for by now; returns how many."""
    at_once = int(MOST_CONNECTIONS * min(1.0, 0.3 + 0.7 * (time.monotonic() - BEGAN) / RAMP_S))
    taken = [IDLE.pop() if IDLE else Connection() for _ in range(at_once)]
    for connection in taken:
        connection.execute(next(NUMBERS))
    IDLE.extend(taken)
    return at_once
