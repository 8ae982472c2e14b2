import collections

from held import make

EXPECTED = "bounded_deque.RECENT: deque of 5 (at most 50) -> [index]: Held"
RECENT = collections.deque(maxlen=50)


def hold():
    objects, addresses = make()
    RECENT.extend(objects)
    return addresses
