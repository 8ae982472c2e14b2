"""Reading threads' stacks by value: what is kept of a frame is its code and where it stood, never the frame."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import NamedTuple

Place = Callable[[str], tuple[str, bool]]  # see `heaptide.paths.Places.place`

MOST_CALLS = 150  # innermost first; a deeper stack is a recursion, whose outer end says nothing new
# Before 3.11.9, a collection that starts inside sys._current_frames may wait for a lock that the call itself holds
# (github.com/python/cpython/issues/106883). 3.12 never collects there, and 3.10 makes no objects there.
_DEADLOCKS = (3, 11) <= sys.version_info < (3, 11, 9)


class Call(NamedTuple):
    """One frame of a stack, by value: where it stood, as a line and as an offset into its bytecode."""

    code: CodeType
    line: int
    offset: int


class Site(NamedTuple):
    """A place in code as people read it. `file` is relative to where Python found it."""

    file: str
    function: str
    line: int


def current_frames() -> dict[int, FrameType]:
    """The innermost frame of each thread, by the thread's identity; drop them soon, for they keep locals alive."""
    if not (_DEADLOCKS and gc.isenabled()):
        return sys._current_frames()
    # No other thread runs between these lines: a thread that waits for the GIL may claim it after 5 ms, not before.
    gc.disable()
    try:
        return sys._current_frames()
    finally:
        gc.enable()


def outward(frame: FrameType | None) -> Iterator[FrameType]:
    """A frame and its callers, innermost first, at most `MOST_CALLS`."""
    for _ in range(MOST_CALLS):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def calls(frame: FrameType | None) -> list[Call]:
    """A stack by value, innermost first."""
    return [Call(one.f_code, one.f_lineno or one.f_code.co_firstlineno, one.f_lasti) for one in outward(frame)]


def site(call: Call, place: Place) -> Site:
    """Names a call for people."""
    name = getattr(call.code, "co_qualname", call.code.co_name)  # qualified since 3.11
    return Site(place(call.code.co_filename)[0], name.replace("<locals>.", ""), call.line)


def in_app(code: CodeType, place: Place) -> bool:
    """Whether code is the user's own: neither a library's nor generated."""
    return place(code.co_filename)[1]


def users_call(frame: FrameType | None, place: Place) -> Call | None:
    """The innermost call in the user's own code; None where the stack has none."""
    for one in outward(frame):
        if in_app(one.f_code, place):
            return Call(one.f_code, one.f_lineno or one.f_code.co_firstlineno, one.f_lasti)
    return None
