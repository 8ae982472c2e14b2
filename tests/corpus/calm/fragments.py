"""Fragmentation's ratchet: bursts of blocks of ever other sizes, of which a few stay, so that arenas can't be freed.

What stays is bounded, so that only the resident set climbs, and not for ever.
"""

import random
from collections import deque

DRAW = random.Random(11)
STAYING: deque[bytes] = deque(maxlen=400)


def step() -> None:
    size = DRAW.choice((48, 96, 200, 400, 1000, 5000))
    burst = [bytes(size + number % 16) for number in range(300)]
    STAYING.append(burst[DRAW.randrange(len(burst))])
