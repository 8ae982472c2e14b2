"""The C function that a line is in is named as its source has it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

import pytest

from heaptide.frames import calls, current_frames
from heaptide.probes.blocking.called import called

exact = pytest.mark.skipif(sys.version_info < (3, 11), reason="bytecode has no columns before 3.11")


class Doors:
    def first(self) -> Doors:
        return self

    clock = time


def plain() -> None:
    time.sleep(0.2)


def nested() -> None:
    str(time.sleep(float("0.2")))  # type: ignore[func-returns-value]


def chained() -> None:
    Doors().first().clock.sleep(0.2)


def in_lines() -> None:
    (
        time
        .sleep(
            0.2,
        )
    )  # fmt: skip


def standing_in(function: Callable[[], None]) -> str | None:
    thread = threading.Thread(target=function)
    thread.start()
    name, deadline = None, time.monotonic() + 10
    while time.monotonic() < deadline:
        stack = calls(current_frames().get(thread.ident or 0))
        if stack and stack[0].code is function.__code__ and stack[0].offset > 0:
            name = called(stack[0])
            if name and "sleep" in name:
                break
    thread.join()
    return name


@pytest.mark.parametrize(
    "function",
    [plain, *(pytest.param(one, marks=exact) for one in (nested, chained, in_lines))],
    ids=lambda f: f.__name__,
)
def test_the_call_that_a_thread_stands_in_is_named(function: Callable[[], None]) -> None:
    assert standing_in(function) in ("time.sleep", "clock.sleep", "sleep")


def test_code_without_a_file_has_no_name() -> None:
    frames: list[object] = []
    names = {"frames": frames, "calls": calls, "sys": sys}
    exec(compile("frames.append(calls(sys._getframe())[0])", "<generated>", "exec"), names)
    assert called(frames[0]) is None  # type: ignore[arg-type]
