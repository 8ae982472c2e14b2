"""An lru_cache with a bound, filling steadily for more than three minutes: it rises like a leak until it is full."""

import functools
import itertools

NUMBERS = itertools.count()


@functools.lru_cache(maxsize=20_000)
def page(number: int) -> str:
    return f"page {number} " * 100


def step() -> None:
    page(next(NUMBERS))
