"""Finds what holds blocks of memory: a walk over the heap in a forked child, so that the process goes on meanwhile."""

from __future__ import annotations

import collections
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

from heaptide.heap import answer as answers
from heaptide.heap.answer import Found
from heaptide.heap.breathing import breathing
from heaptide.heap.paths import Path, merge

try:
    from heaptide.heap import _walker
except ImportError:  # it wasn't built for this interpreter
    _walker = None  # type: ignore[assignment]

PAUSE_BUDGET_S = 0.1  # forking stops the process; it is asked for at most once an hour
TIME_LIMIT_S = 10.0
MOST_TARGETS = 8192  # as in `_native/walk.h`
MOST_BYTES = 400 << 20  # of the child, for 16 million objects
# Forking copies the tables of the process's pages: 10 ms at 125 MB, 57 ms at 460 MB on a slow virtual machine.
FORK_S_PER_BYTE = 57e-3 / 460e6
_READ_S = 0.1
_TARGET = struct.Struct("=QQQ")

# Address and size in bytes.
Block = tuple[int, int]


@dataclass(frozen=True)
class Refused:
    """Nothing was walked; `reason` is a sentence for people."""

    reason: str


@dataclass(frozen=True)
class Retention:
    """What holds the blocks asked for.

    Attributes:
        paths: ways in which they are held, most blocks first.
        found: what is known of each block, by its address.
        objects: objects visited.
        fork_s: seconds for which forking stopped the calling thread, and with it all others.
        walk_s: seconds that the walk took beside the process; where it wasn't built, seconds that objgraph stopped it.
        note: "" or why the walk is incomplete, as a sentence.
    """

    paths: list[Path]
    found: dict[int, Found]
    objects: int
    fork_s: float
    walk_s: float
    note: str = ""


class ForkCost:
    """Foretells what forking costs, from what it has cost in this process."""

    def __init__(self, s_per_byte: float = FORK_S_PER_BYTE) -> None:
        self._s_per_byte = s_per_byte

    def expect(self, rss_bytes: int) -> float:
        """Seconds that forking a process of this resident set takes."""
        return rss_bytes * self._s_per_byte

    def measured(self, rss_bytes: int, fork_s: float) -> None:
        """Learns from a fork: at once from a dear one, slowly from a cheap one."""
        found = fork_s / max(rss_bytes, 1)
        self._s_per_byte = max(found, (self._s_per_byte + found) / 2)


_COST = ForkCost()


def find(
    targets: Sequence[Block],
    *,
    others: Sequence[Block] = (),
    time_limit_s: float = TIME_LIMIT_S,
    pause_budget_s: float = PAUSE_BUDGET_S,
    cost: ForkCost = _COST,
    stopping: Callable[[], bool] = lambda: False,
) -> Retention | Refused:
    """Finds what holds blocks of memory. The calling thread waits, all others run on but for the time of a fork.

    Args:
        targets: blocks whose holders are asked for, at most 8,192.
        others: blocks of which only the fate is asked, as many as are left of that number.
        time_limit_s: seconds after which the walk is given up.
        pause_budget_s: refuse where forking is expected to take longer.
        cost: what forking has cost so far.
        stopping: asked ten times a second whether to give up at once.

    Returns:
        What was found, or why nothing could be.
    """
    if _walker is None or not sys.platform.startswith("linux"):
        return _find_slowly(targets)
    rss_bytes = _rss_bytes()
    expected_s = cost.expect(rss_bytes)
    if expected_s > pause_budget_s:
        return Refused(
            f"forking this process of {rss_bytes / 1e6:,.0f} MB is expected to stop it for {expected_s * 1e3:.0f} ms,"
            f" and {pause_budget_s * 1e3:.0f} ms are allowed"
        )
    if not (targets or others):
        return Retention([], {}, 0, 0.0, 0.0)
    try:
        return _walk(_packed(targets, others), time_limit_s, lambda fork_s: cost.measured(rss_bytes, fork_s), stopping)
    except OSError as error:
        return Refused(f"the process couldn't be forked: {error}")


def _packed(targets: Sequence[Block], others: Sequence[Block]) -> bytes:
    rows = {address: (size, 0) for address, size in others[: max(0, MOST_TARGETS - len(targets))]}
    rows.update((address, (size, 1)) for address, size in targets[:MOST_TARGETS])
    return b"".join(_TARGET.pack(address, *row) for address, row in breathing(sorted(rows.items())))


def _find_slowly(targets: Sequence[Block]) -> Retention | Refused:
    from heaptide.heap.fallback import MOST_OBJECTS, chains

    began = time.monotonic()
    found = chains(targets)
    if found is None:
        return Refused(
            f"the heap walker isn't built for this interpreter, or this isn't Linux; objgraph would stop a process of"
            f" more than {MOST_OBJECTS:,} objects too long"
        )
    stopped_s = time.monotonic() - began
    return Retention(
        merge(found, thread_names()),
        {one.address: one for one in found},
        0,
        0.0,
        stopped_s,
        "only a few objects were looked at, by objgraph: the heap walker isn't built here",
    )


def _walk(
    packed: bytes, limit_s: float, forked: Callable[[float], None], stopping: Callable[[], bool]
) -> Retention | Refused:
    deadline = time.monotonic() + limit_s
    modules, named, own = _modules(), list(_handlers()), _own()
    # The child stops a little earlier by itself, to tell what it has found until then.
    pid, fd, fork_s = _walker.fork_walk(packed, modules, named, own, collections.deque, limit_s * 0.8, MOST_BYTES)
    try:
        forked(fork_s)
        received = _read(fd, deadline, stopping)
    finally:
        _walker.end_walk(pid, fd)
    if received is None:
        return Refused(f"the walk was given up: it had not ended after {limit_s:g} s, or the agent is stopping")
    if not answers.is_whole(received):
        return Refused("the walk's process died before it could answer")
    answer = answers.read(received)
    note = f"the walk ended early: it was short of {answer.ended}" if answer.ended else ""
    found = {one.address: one for one in answer.found}
    return Retention(merge(answer.found, thread_names()), found, answer.objects, fork_s, answer.walk_s, note)


def _read(fd: int, deadline: float, stopping: Callable[[], bool]) -> bytearray | None:
    """What came through the pipe until its end; None where that didn't come in time."""
    received = bytearray()
    while not answers.is_whole(received):
        rest_s = deadline - time.monotonic()
        if rest_s <= 0 or stopping():
            return None
        some = _walker.read_some(fd, min(rest_s, _READ_S))
        if some == b"":
            break
        received += some or b""
    return received


def _modules() -> list[tuple[str, object]]:
    """Modules to begin at: the service's own come before the standard library's, for a tie between two paths."""
    pairs = [(name, module) for name, module in list(sys.modules.items()) if type(name) is str and module is not None]
    pairs = [pair for pair in pairs if not _is_ours(pair[0])]
    return sorted(pairs, key=lambda pair: pair[0].partition(".")[0] in sys.stdlib_module_names)


def _handlers() -> Iterator[tuple[str, object]]:
    """Signal handlers, which the interpreter keeps in C."""
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler) and handler is not signal.default_int_handler:
            yield f"signal handler of signal {number}", handler


def _own() -> list[object]:
    """The agent's own modules, classes, functions, objects and thread: a path through them says nothing."""
    found: list[object] = [threading.current_thread()]
    for name, module in list(sys.modules.items()):
        if type(name) is str and _is_ours(name) and isinstance(module, ModuleType):
            found += [module, vars(module)]
            found += [value for value in list(vars(module).values()) if _is_ours(_module_of(value))]
    return found


def _module_of(value: object) -> str:
    kind = type(value)
    name = value.__dict__.get("__module__") if kind is type else None
    if name is None:
        name = value.__module__ if kind is type(_module_of) else kind.__dict__.get("__module__")
    return name if isinstance(name, str) else ""


def _is_ours(module: str) -> bool:
    return module == "heaptide" or module.startswith("heaptide.")


def thread_names() -> dict[int, str]:
    """Names of the running threads by their identity."""
    return {thread.ident: thread.name for thread in threading.enumerate() if thread.ident is not None}


def _rss_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
