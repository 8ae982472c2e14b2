"""What the kernel says in the proc file system: resident set, threads, open files, CPU time, start."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from heaptide.pacing import Pace

# The kernel walks every mapping to sum the proportional set: cheap in a small process, a stall in a large one.
_CHEAP_S = 0.005
_SHARE = 0.001

_STATUS = {"VmRSS": ("rss_bytes", 1024), "VmHWM": ("peak_rss_bytes", 1024), "Threads": ("threads", 1)}

# Fields of /proc/PID/stat, counted from 1 as proc_pid_stat(5) does, the first after the name being 3.
_UTIME, _STIME, _STARTTIME = 14, 15, 22


class Process:
    """Reads one process's files; a file that can't be read leaves its facts out.

    Args:
        proc: where the proc file system is mounted.
        pid: whose files; None for the process itself.
        clock: seconds that pass.
        cost_clock: seconds that reading the proportional set takes.
    """

    def __init__(
        self,
        proc: str,
        pid: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        cost_clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._proc = proc
        self._pid = pid
        self._pace = Pace(share=_SHARE, free_s=_CHEAP_S, clock=clock, cost_clock=cost_clock)

    def take(self) -> dict[str, float | None]:
        """Reads the facts that are there, by their names in `heaptide.wire.VITALS`."""
        facts: dict[str, float | None] = {}
        for read in (self._status, self._proportional_set, self._open_files, self._cpu):
            try:
                facts.update(read())
            except (OSError, ValueError, IndexError):  # not there, not ours to read, or not as the kernel writes it
                continue
        return facts

    def _status(self) -> dict[str, float]:
        facts: dict[str, float] = {}
        for line in _read(_path(self._proc, self._pid, "status")).splitlines():
            key, _, value = line.partition(":")
            if key in _STATUS:
                name, unit = _STATUS[key]
                facts[name] = int(value.split()[0]) * unit
        return facts

    def _proportional_set(self) -> dict[str, float]:
        if not self._pace.due():
            return {}
        with self._pace.spending():
            rollup = _read(_path(self._proc, self._pid, "smaps_rollup"))
        for line in rollup.splitlines():
            if line.startswith("Pss:"):
                return {"pss_bytes": int(line.split()[1]) * 1024}
        return {}

    def _open_files(self) -> dict[str, float]:
        listed = len(os.listdir(_path(self._proc, self._pid, "fd")))
        # Listing one's own descriptors opens one more.
        return {"open_files": listed - 1 if self._pid in (None, os.getpid()) else listed}

    def _cpu(self) -> dict[str, float]:
        fields = _stat(self._proc, self._pid)
        return {"cpu_s": (int(fields[_UTIME - 3]) + int(fields[_STIME - 3])) / os.sysconf("SC_CLK_TCK")}


def process_started_at(
    proc: str = "/proc",
    pid: int | None = None,
    *,
    clock: Callable[[], float] = time.time,
    boot_clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
) -> float:
    """Says when a process started, in seconds since the epoch, good to a clock tick (10 ms).

    The kernel's own boot time (btime) is whole seconds: too coarse to tell which of two workers followed the other.

    Args:
        proc: where the proc file system is mounted.
        pid: whose start; None for the process itself.
        clock: seconds since the epoch.
        boot_clock: seconds since boot, time asleep included.

    Raises:
        OSError: there is no proc file system here, or no such process.
        ValueError: its files aren't as the kernel writes them.
    """
    after_boot_s = int(_stat(proc, pid)[_STARTTIME - 3]) / os.sysconf("SC_CLK_TCK")
    return clock() - (boot_clock() - after_boot_s)


def _stat(proc: str, pid: int | None) -> list[str]:
    path = _path(proc, pid, "stat")
    # The command's name is in parentheses and may itself hold spaces and parentheses.
    fields = _read(path).rpartition(")")[2].split()
    if len(fields) <= _STARTTIME - 3:
        raise ValueError(f"{path} has {len(fields)} fields after the name, too few for a process's state")
    return fields


def _path(proc: str, pid: int | None, name: str) -> str:
    return os.path.join(proc, "self" if pid is None else str(pid), name)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
