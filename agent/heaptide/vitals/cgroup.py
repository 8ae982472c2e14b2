"""What the control groups say: the memory limit that ends this process first, and how much of it is used."""

from __future__ import annotations

from typing import NamedTuple

from heaptide.cgroups import Folder, Groups

# cgroup v1 has no word for "no limit": it shows the greatest page-aligned number. Nobody's limit is an exbibyte.
_UNLIMITED = 1 << 60


class _Files(NamedTuple):
    limit: str
    use: str
    reclaimable: str  # a line of memory.stat


_FILES = {
    1: _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: _Files("memory.max", "memory.current", "inactive_file"),
}


class MemoryLimit:
    """Finds the tightest memory limit from the process's own group up to the root of what is visible.

    Args:
        proc: where the proc file system is mounted.
        cgroup: where the control groups are mounted.
        pid: whose groups; None for the process itself.
    """

    def __init__(self, proc: str, cgroup: str, pid: int | None) -> None:
        self._groups = Groups(proc, cgroup, pid)

    def take(self) -> dict[str, float | None]:
        """Reads the limit and its use, both None where no limit is set.

        Use is the group's use less its inactive page cache, which the kernel gives up before it kills: the working set,
        as the kubelet reckons it.
        """
        limits = [(limit, folder) for folder in self._groups.folders("memory") if (limit := _limit(folder))]
        if not limits:
            return {"limit_bytes": None, "limit_used_bytes": None}
        limit, folder = min(limits, key=lambda found: found[0])
        return {"limit_bytes": limit, "limit_used_bytes": _use(folder)}


def _limit(folder: Folder) -> int | None:
    limit = folder.number(_FILES[folder.version].limit)
    return limit if limit is not None and limit < _UNLIMITED else None


def _use(folder: Folder) -> int | None:
    files = _FILES[folder.version]
    use = folder.number(files.use)
    return None if use is None else max(use - folder.counts("memory.stat").get(files.reclaimable, 0), 0)
