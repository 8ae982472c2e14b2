"""What the targets hold. `make` gives objects and their blocks; a target keeps the objects in one way only."""

from __future__ import annotations


class Held:
    __slots__ = ("__weakref__", "payload")

    def __init__(self, number: int) -> None:
        self.payload = number

    def __hash__(self) -> int:
        return hash(self.payload)

    def __eq__(self, other: object) -> bool:
        raise AssertionError("the walk ran code of the service")


def make(count: int = 5) -> tuple[list[Held], list[int]]:
    objects = [Held(number) for number in range(count)]
    return objects, [id(one) for one in objects]
