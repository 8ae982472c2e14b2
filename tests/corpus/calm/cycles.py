"""A sawtooth: cycles that only the garbage collector takes away, now and then."""

import gc
import itertools

NUMBERS = itertools.count()
gc.set_threshold(20_000, 20, 20)


class Node:
    def __init__(self) -> None:
        self.own = self
        self.body = bytearray(700)


def step() -> None:
    next(NUMBERS)
    for _ in range(5):
        Node()
