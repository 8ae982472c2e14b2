"""What the app's threads leave for the agent's thread. Nothing here waits for a lock that is held for long."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

MOST_EVENTS = 100


class Inbox:
    """Made anew in each process.

    Attributes:
        requests: requests served so far. `+= 1` on it needs no lock: CPython 3.10 to 3.13 with a GIL switches threads
            at calls and backward jumps only, and there is none between reading and writing it.
        events: what `mark` was told, the newest kept.
        look: a look was asked for.
        stop_by: the deadline for stopping, by the monotonic clock; None while the agent is to run.
        process_ends: it stops because the process does, so nobody needs tracing to be taken down first.
        wake: ends the thread's wait.
        done: the thread has sent its last report, or given up.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self.look = False
        self.stop_by: float | None = None
        self.process_ends = False
        self.wake = threading.Event()
        self.done = threading.Event()
