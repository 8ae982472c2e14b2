import atexit

from held import make

EXPECTED = "atexit callback: tuple of 1 -> [0]: list of 5 -> [index]: Held"


def hold():
    objects, addresses = make()
    atexit.register(print, objects)
    return addresses
