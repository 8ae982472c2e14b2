"""Long work in small pieces, so that the service's threads needn't wait for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

HOLD_S = 0.001
# Long enough that a thread waiting for the GIL has it at once, not only after the interpreter's switch interval (5 ms).
PAUSE_S = 0.0005

Item = TypeVar("Item")


def breathing(items: Iterable[Item]) -> Iterator[Item]:
    """The same items; whoever handles them lets go of the GIL each millisecond."""
    since = time.perf_counter()
    for item in items:
        yield item
        if time.perf_counter() - since > HOLD_S:
            time.sleep(PAUSE_S)
            since = time.perf_counter()
