"""A listener that was never taken off: a method holds its object."""

from held import make

EXPECTED = "bound_method.LISTENERS: list of 1 -> [index]: method -> "
ALSO = "Cart -> Cart.lines: list of 5 -> [index]: Held"
LISTENERS = []


class Cart:
    def __init__(self, lines):
        self.lines = lines

    def changed(self):
        return self.lines


def hold():
    objects, addresses = make()
    LISTENERS.append(Cart(objects).changed)
    return addresses
