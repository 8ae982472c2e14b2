"""Takes down what the hooks see, pool by pool. Called in the app's threads: each step is gated, none waits."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any
from weakref import ref

from heaptide.frames import Call, Place, users_call
from heaptide.gate import Gate
from heaptide.probes.pools.asking import Question
from heaptide.probes.pools.ledger import Ledger

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

MOST_POOLS = 8
MOST_ERRORS = 20  # after as many, the hooks let everything pass

Describe = Callable[[Any], "dict[str, Any]"]
Full = Callable[[Any], bool]


class Known:
    """A pool that was seen. One that can't be referred to weakly is held until it is closed.

    Attributes:
        ledger: its counters.
        describe: how its library is asked about it.
        question: to its database.
        loop: the event loop in which it was first used; None for a pool of threads.
        pool: the pool; None once it is gone.
    """

    def __init__(self, pool: Any, ledger: Ledger, describe: Describe) -> None:
        self.ledger = ledger
        self.describe = describe
        self.question = Question()
        self.loop: AbstractEventLoop | None = None
        self.pool: Callable[[], Any]
        try:
            self.pool = ref(pool)
        except TypeError:
            self.pool = lambda: pool


class Recorder:
    """The ledgers of all pools of a process, at most 8.

    Args:
        gate: swallows what fails.
        place: names files.
        clock: monotonic seconds.
    """

    def __init__(self, gate: Gate, place: Place, clock: Callable[[], float] = time.monotonic) -> None:
        self.gate = gate
        self.clock = clock
        self._place = place
        self._known: dict[int, Known] = {}

    @property
    def works(self) -> bool:
        """Whether the hooks shall call it: not after they failed too often."""
        return self.gate.errors < MOST_ERRORS

    def pools(self) -> list[tuple[Any, Known]]:
        """The pools that live; forgets those that don't."""
        for key, known in list(self._known.items()):
            if known.pool() is None:
                self._known.pop(key, None)
        return [(pool, known) for known in list(self._known.values()) if (pool := known.pool()) is not None]

    def forget(self, pool: Any) -> None:
        """Forgets a pool that was closed."""
        self._known.pop(id(pool), None)

    def ledger(self, pool: Any, describe: Describe) -> Ledger | None:
        """The ledger of a pool; None where there are too many."""
        known = self._known.get(id(pool))
        if known is None or known.pool() is not pool:
            if len(self._known) >= MOST_POOLS:
                self.pools()
            if len(self._known) >= MOST_POOLS:
                return None
            known = self._known[id(pool)] = Known(pool, Ledger(self._place, clock=self.clock), describe)
            if (asyncio := sys.modules.get("asyncio")) is not None:
                known.loop = asyncio._get_running_loop()
        return known.ledger

    def users_call(self, frame: FrameType) -> Call | None:
        """The user's call that a hook runs in."""
        call = users_call(frame, self._place)
        if call is None and (greenlet := sys.modules.get("greenlet")) is not None:
            # SQLAlchemy runs sync code in a greenlet below the coroutine that awaits it.
            parent = greenlet.getcurrent().parent
            call = users_call(parent.gr_frame, self._place) if parent is not None else None
        return call


class Asking:
    """One checkout under way: `with Asking(...) as asking: asking.got(connection's key)`. It raises nothing itself.

    Args:
        recorder: where it is taken down.
        pool: who is asked.
        describe: facts of such a pool.
        full: whether such a pool has no connection to give.
    """

    __slots__ = ("_began", "_describe", "_full", "_ledger", "_pool", "_recorder", "_waits")

    def __init__(self, recorder: Recorder, pool: Any, describe: Describe, full: Full) -> None:
        self._recorder = recorder
        self._pool = pool
        self._describe = describe
        self._full = full
        self._ledger: Ledger | None = None
        self._waits = False
        self._began = 0.0

    def __enter__(self) -> Asking:
        with self._recorder.gate("before a checkout"):
            self._began = self._recorder.clock()
            self._ledger = ledger = self._recorder.ledger(self._pool, self._describe)
            if ledger is not None and self._full(self._pool):
                self._waits = True
                ledger.asking += 1
                ledger.most_waiting = max(ledger.most_waiting, ledger.asking)
        return self

    def got(self, key: int, frame: FrameType) -> None:
        """The pool handed out a connection.

        Args:
            key: identifies the connection until it comes back.
            frame: the hook's.
        """
        with self._recorder.gate("after a checkout"):
            if self._ledger is not None:
                self._ledger.out(key, self._recorder.users_call(frame))

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        with self._recorder.gate("after a checkout"):
            ledger = self._ledger
            if ledger is None:
                return
            ledger.asking -= self._waits
            ledger.took(self._recorder.clock() - self._began)
            if error is not None:
                ledger.failed(error)
