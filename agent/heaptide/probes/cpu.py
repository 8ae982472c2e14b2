"""How many CPUs there are, and how many there seem to be: quota, cpuset, what libraries sized themselves by."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from heaptide.cgroups import Folder, Groups
from heaptide.frames import current_frames

# What libraries tell of their own pools, by attribute or by a call that only reads.
_LIBRARIES = {
    "torch": "get_num_threads",
    "polars": "thread_pool_size",
    "pyarrow": "cpu_count",
    "cv2": "getNumThreads",
    "numexpr": "nthreads",
}
_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHON_CPU_COUNT")


class Cpu:
    """Tells of CPUs.

    Facts: os_cpus (`os.cpu_count()`), affinity_cpus, cpuset_cpus, quota_cpus (CPUs' worth of time that the tightest
    quota allows, None without one); periods, throttled_periods and throttled_s of that group since this probe was made;
    threads and python_threads of this process; pools, what imported libraries sized themselves to; variables, those
    that would have told them.

    Args:
        proc: where the proc file system is mounted.
        cgroup: where the control groups are mounted.
        pid: whose files; None for the process itself.
        cpu_count: what every library asks.
        affinity: on how many CPUs the kernel lets this process run.
    """

    name = "cpu"

    def __init__(
        self,
        proc: str = "/proc",
        cgroup: str = "/sys/fs/cgroup",
        pid: int | None = None,
        *,
        cpu_count: Callable[[], int | None] = os.cpu_count,
        affinity: Callable[[], int] = lambda: len(os.sched_getaffinity(0)),
    ) -> None:
        self._groups = Groups(proc, cgroup, pid)
        self._tasks = os.path.join(proc, "self" if pid is None else str(pid), "task")
        self._cpu_count = cpu_count
        self._affinity = affinity
        self._begun = _throttling(self._tightest()[1])

    def facts(self) -> dict[str, Any]:
        """See the class."""
        quota, folder = self._tightest()
        now = _throttling(folder)
        return {
            "os_cpus": self._cpu_count(),
            "affinity_cpus": self._affinity(),
            "cpuset_cpus": self._cpuset(),
            "quota_cpus": quota,
            **{name: round(now[name] - self._begun.get(name, 0.0), 3) for name in now},
            "threads": self._threads(),
            "python_threads": len(current_frames()),
            "pools": _pools(),
            "variables": [name for name in _VARIABLES if os.environ.get(name)],
        }

    def _tightest(self) -> tuple[float | None, Folder | None]:
        quotas = [(quota, folder) for folder in self._groups.folders("cpu") if (quota := _quota(folder)) is not None]
        return min(quotas, key=lambda found: found[0], default=(None, None))

    def _cpuset(self) -> int | None:
        for folder in self._groups.folders("cpuset"):
            for name in ("cpuset.cpus.effective", "cpuset.effective_cpus", "cpuset.cpus"):
                if text := folder.read(name):
                    return _listed(text)
        return None

    def _threads(self) -> int | None:
        try:
            return len(os.listdir(self._tasks))
        except OSError:
            return None


def _quota(folder: Folder) -> float | None:
    """CPUs' worth of time a period; None where the group has no quota."""
    if folder.version == 1:
        quota, period = folder.number("cpu.cfs_quota_us"), folder.number("cpu.cfs_period_us")
        return quota / period if quota and period and quota > 0 else None
    words = (folder.read("cpu.max") or "max").split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and all(word.isdigit() for word in words) else None


def _throttling(folder: Folder | None) -> dict[str, float]:
    """Periods, those in which the group was held back, and for how long in all."""
    counts = folder.counts("cpu.stat") if folder else {}
    if "nr_periods" not in counts:
        return {}
    held_s = counts["throttled_usec"] / 1e6 if "throttled_usec" in counts else counts.get("throttled_time", 0) / 1e9
    return {
        "periods": counts["nr_periods"],
        "throttled_periods": counts.get("nr_throttled", 0),
        "throttled_s": held_s,
    }


def _listed(text: str) -> int | None:
    """How many CPUs a list such as "0-3,8" names; None for a list that the kernel wouldn't write."""
    count = 0
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit() or not (last or first).isdigit():
            return None
        count += int(last or first) - int(first) + 1
    return count


def _pools() -> dict[str, int]:
    found = {}
    for library, attribute in _LIBRARIES.items():
        told = getattr(sys.modules.get(library), attribute, None)
        size = told() if callable(told) else told
        if isinstance(size, int):
            found[library] = size
    return found
