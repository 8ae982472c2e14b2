"""Vitals: what the operating system, the C library and the interpreter say of the process as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable

from heaptide.vitals import interpreter
from heaptide.vitals.cgroup import MemoryLimit
from heaptide.vitals.glibc import Malloc
from heaptide.vitals.proc import Process, process_started_at
from heaptide.vitals.pymalloc import Pymalloc
from heaptide.wire import VITALS

__all__ = ["Vitals", "process_started_at"]


class Vitals:
    """Reads the process's vitals: a fact that can't be had here and now is None, and nothing is raised.

    Args:
        proc: where the proc file system is mounted.
        cgroup: where the control groups are mounted.
        pid: whose files to read; None for the process itself, also after a fork. What the interpreter and the C
            library say is always of the process itself.
        garbage: the last estimate of garbage that awaits collection, by the names of its vitals; {} where there is
            none that still holds.
        clock: seconds that pass, to space out what is dear to read.
    """

    def __init__(
        self,
        proc: str = "/proc",
        cgroup: str = "/sys/fs/cgroup",
        pid: int | None = None,
        garbage: Callable[[], dict[str, float]] = dict,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._process = Process(proc, pid, clock=clock)
        self._limit = MemoryLimit(proc, cgroup, pid)
        self._malloc = Malloc(clock=clock)
        self._pymalloc = Pymalloc(clock=clock)
        self._garbage = garbage

    def take(self) -> dict[str, float | None]:
        """Reads all vitals: a value, or None where unknown, for each name in `heaptide.wire.VITALS`."""
        vitals: dict[str, float | None] = dict.fromkeys(VITALS)
        vitals.update(self._process.take())
        vitals.update(self._limit.take())
        vitals.update(self._malloc.take())
        vitals.update(self._pymalloc.take(vitals["rss_bytes"]))
        vitals.update(self._garbage())
        vitals.update(interpreter.take())
        return vitals
