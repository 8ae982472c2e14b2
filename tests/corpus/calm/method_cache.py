"""An lru_cache with a bound on a method: it keeps the objects themselves, and what they hold, until it is full."""

import functools
import itertools

NUMBERS = itertools.count()


class Basket:
    def __init__(self, number: int) -> None:
        self.number = number
        self.lines: list[str] = []

    def add(self, name: str) -> None:
        self.lines.append(f"{name} of basket {self.number}".ljust(400))

    @functools.lru_cache(maxsize=15_000)  # noqa: B019 - this is what it is about
    def total(self, currency: str) -> str:
        return f"{sum(map(len, self.lines))} {currency}"


def step() -> None:
    basket = Basket(next(NUMBERS))
    for name in ("tea", "mug"):
        basket.add(name)
    basket.total("EUR")
