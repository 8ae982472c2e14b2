"""Baskets whose items point back at them: each is a reference cycle that only the garbage collector frees."""

from __future__ import annotations


class Item:
    """A product in a basket, knowing its basket."""

    def __init__(self, basket: Basket, product: int) -> None:
        self.basket = basket
        self.product = product
        self.options = [f"option {number}" for number in range(20)]


class Basket:
    """What a customer is about to buy."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def products(self) -> list[int]:
        """The products' numbers."""
        return [item.product for item in self.items]

    def price(self) -> int:
        """The price in cents."""
        return sum(100 + item.product for item in self.items)


def fill(product: int, pieces: int) -> Basket:
    """A new basket with that many pieces of a product."""
    basket = Basket()
    basket.items = [Item(basket, product) for _ in range(pieces)]
    return basket
