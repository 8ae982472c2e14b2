"""An lru_cache with a bound, filling steadily for about a minute: it rises like a leak until it is full."""

import functools
import itertools

NUMBERS = itertools.count()


@functools.lru_cache(maxsize=6000)
def page(number: int) -> str:
    return f"page {number} " * 100


def step() -> None:
    page(next(NUMBERS))
