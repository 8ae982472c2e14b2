"""An LRU under Zipf keys: it fills ever more slowly, as new keys become rare."""

import functools
import random

DRAW = random.Random(7)


@functools.lru_cache(maxsize=20_000)
def profile(number: int) -> bytes:
    return bytes(2000 + number % 7)


def step() -> None:
    for _ in range(3):
        profile(int(DRAW.paretovariate(0.6)))
