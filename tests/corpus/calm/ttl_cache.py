"""A cache whose entries expire after 40 seconds: it rises for as long, and then as much goes as comes."""

import itertools
import time
from collections import OrderedDict

NUMBERS = itertools.count()
TTL_S = 40.0
SESSIONS: OrderedDict[int, tuple[float, bytes]] = OrderedDict()


def step() -> None:
    now = time.monotonic()
    SESSIONS[next(NUMBERS)] = (now + TTL_S, bytes(1500))
    while SESSIONS and next(iter(SESSIONS.values()))[0] < now:
        SESSIONS.popitem(last=False)
