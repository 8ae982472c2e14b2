"""Finds the event loop that serves, from the stack of the thread that runs it: no app has to name it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Coroutine, Hashable, Iterator, Mapping
from types import CodeType, FrameType
from typing import Any, NamedTuple

from heaptide.frames import Call, calls, outward
from heaptide.probes.blocking.schedstat import Schedstat, of_this_thread

# Whose frames hold the loop: `self` in the standard loop's own, `self._loop` or `loop` in what runs others.
_RUNNERS = ("asyncio", "uvicorn", "uvloop", "hypercorn", "granian", "anyio")


def running_loop(frames: Mapping[int, FrameType]) -> tuple[asyncio.AbstractEventLoop, int] | None:
    """The loop that runs in the main thread, else in any, with its thread's identity; None where none is found.

    Args:
        frames: the innermost frame of each thread.
    """
    main = threading.main_thread().ident
    for ident in sorted(frames, key=lambda ident: ident != main):
        for frame in outward(frames[ident]):
            for candidate in _candidates(frame):
                if isinstance(candidate, asyncio.AbstractEventLoop) and candidate.is_running():
                    return candidate, ident
    return None


def _candidates(frame: FrameType) -> Iterator[Any]:
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    if package not in _RUNNERS or not {"self", "loop"}.intersection(frame.f_code.co_varnames):
        return
    variables = frame.f_locals
    yield variables.get("loop")
    yield variables.get("self")
    yield getattr(variables.get("self"), "_loop", None)


class Position(NamedTuple):
    """Where a loop is.

    Attributes:
        began: when its iteration began, by the monotonic clock.
        step: another one in each step of a task, and in the standard loop in each callback.
        first: nothing ran before it in this iteration; None where that isn't known.
    """

    began: float
    step: Hashable
    first: bool | None


class Attached:
    """A loop that is watched.

    Attributes:
        loop: the loop.
        ident: its thread's identity.
        ready: the loop has run `learn`, so the rest is known.
        thread_limiter: anyio's limiter of the threads in which it runs sync endpoints; None where anyio isn't used.
        answered_at: when the last beat was run, by the monotonic clock; None until it is.
        tells: from its stack it can be read when its iteration began, and how far it is.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ident: int) -> None:
        self.loop = loop
        self.ident = ident
        self.ready = False
        self.thread_limiter: Any = None
        self.answered_at: float | None = None
        self.tells = isinstance(loop, asyncio.BaseEventLoop)
        self._idle: frozenset[CodeType] = frozenset()
        self._schedstat: Schedstat | None = None
        self._estimate: float | None = None
        self._beating = False

    @property
    def kind(self) -> str:
        """The loop's package: "asyncio", "uvloop"."""
        return type(self.loop).__module__.partition(".")[0]

    def learn(self) -> None:
        """Asks the loop to run a few lines, for what only its own thread can tell.

        Raises:
            RuntimeError: the loop is closed.
        """
        self._run(self._learn())

    async def _learn(self) -> None:
        self._idle = _idle_codes(sys._getframe(1))
        self._schedstat = of_this_thread()
        self.ready = True

    def learn_limiter(self) -> None:
        """Asks for anyio's limiter, once anyio itself is in use: asking would import the rest of it.

        Raises:
            RuntimeError: the loop is closed.
        """
        if self.thread_limiter is None and "anyio._backends._asyncio" in sys.modules:
            self._run(self._learn_limiter())

    async def _learn_limiter(self) -> None:
        self.thread_limiter = sys.modules["anyio.to_thread"].current_default_thread_limiter()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            # As a task, for anyio looks for one; its errors end in a future that nobody reads.
            asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError:
            coroutine.close()
            raise

    def close(self) -> None:
        """Lets go of the loop."""
        if self._schedstat is not None:
            self._schedstat.close()

    def busy(self, frame: FrameType | None) -> bool:
        """Whether the loop runs something, by its thread's innermost frame."""
        return frame is not None and frame.f_code not in self._idle

    def position(self, frame: FrameType | None, guess: float) -> Position | None:
        """Where a busy loop is; None between two iterations.

        The standard loop has it in its variables. Another one is handed a beat when it is first seen busy; while it
        doesn't come to run that, the first guess holds, and its task tells the step. What came before a beat was
        answered is over in any case.

        Args:
            frame: the innermost of the loop's thread.
            guess: half-way between this look and the one before, by the monotonic clock.
        """
        task = asyncio.current_task(self.loop)
        if self.tells:
            found = _iteration(frame)
            if found is None:
                return None
            began, index = found
            step, first = (id(task), None) if index is None else ((began, index), index == 0)
            return Position(max(began, self.answered_at or began), step, first)
        if self._estimate is None or self.answered_at is not None:
            self._estimate = max(guess, self.answered_at or guess)
            self.beat()
        return Position(self._estimate, id(task), first=None)

    def calls(self, frame: FrameType | None) -> list[Call]:
        """What the loop runs, innermost first: the stack down to the loop, not what started it."""
        stack = calls(frame)
        ends = (
            index for index, call in enumerate(stack) if call.code in self._idle or call.code.co_name == "_run_once"
        )
        return stack[: next(ends, len(stack))]

    def times(self) -> tuple[float, float]:
        """What `Schedstat.take` says of the loop's thread; zeros where the kernel doesn't count.

        Raises:
            OSError: the thread has ended.
        """
        return (0.0, 0.0) if self._schedstat is None else self._schedstat.take()

    def beat(self) -> None:
        """Hands the loop a callback, whose run says that it came past whatever it is in; one at a time.

        Raises:
            RuntimeError: the loop is closed.
        """
        if not self._beating:
            self._beating, self.answered_at = True, None
            self.loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._beating, self.answered_at = False, time.monotonic()


def _iteration(frame: FrameType | None) -> tuple[float, int | None] | None:
    """When the iteration began, and how many of its callbacks have run; None before the first.

    That many isn't known where somebody has put another loop into the standard one's place, as is done to nest loops.
    """
    while frame is not None:
        if frame.f_code.co_name == "_run_once":
            variables = frame.f_locals
            began, index = variables.get("end_time"), variables.get("i")  # of its wait for events; of its callbacks
            counts = "i" in frame.f_code.co_varnames
            if not isinstance(began, float) or (counts and not isinstance(index, int)):
                return None
            return began, index if counts else None
        frame = frame.f_back
    return None


def _idle_codes(caller: FrameType) -> frozenset[CodeType]:
    """Where the loop's thread stands while it waits for events.

    The standard loop waits in its selector. A loop in C leaves no frame of its own: its thread then stands in whatever
    called the loop, which is what called this.
    """
    if caller.f_code is not asyncio.Handle._run.__code__:
        return frozenset({caller.f_code})
    selectors = sys.modules["selectors"]
    classes = [value for value in vars(selectors).values() if isinstance(value, type) and hasattr(value, "select")]
    return frozenset(code for code in (getattr(one.select, "__code__", None) for one in classes) if code is not None)
