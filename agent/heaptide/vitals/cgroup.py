"""What the control groups say: the memory limit that ends this process first, and how much of it is used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

# cgroup v1 has no word for "no limit": it shows the greatest page-aligned number. Nobody's limit is an exbibyte.
_UNLIMITED = 1 << 60


class _Version(NamedTuple):
    folders: tuple[str, ...]
    limit: str
    use: str
    reclaimable: str


_V1 = _Version(("memory",), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Version(("", "unified"), "memory.max", "memory.current", "inactive_file")


class MemoryLimit:
    """Finds the tightest memory limit from the process's own group up to the root of what is visible.

    In a container the group's path is often the host's, which isn't visible; then the visible root is the group.

    Args:
        proc: where the proc file system is mounted.
        cgroup: where the control groups are mounted.
        pid: whose groups; None for the process itself.
    """

    def __init__(self, proc: str, cgroup: str, pid: int | None) -> None:
        self._groups = os.path.join(proc, "self" if pid is None else str(pid), "cgroup")
        self._root = cgroup

    def take(self) -> dict[str, float | None]:
        """Reads the limit and its use, both None where no limit is set.

        Use is the group's use less its inactive page cache, which the kernel gives up before it kills: the working set,
        as the kubelet reckons it.
        """
        limits = [(limit, folder, version) for folder, version in self._folders() if (limit := _limit(folder, version))]
        if not limits:
            return {"limit_bytes": None, "limit_used_bytes": None}
        limit, folder, version = min(limits, key=lambda found: found[0])
        return {"limit_bytes": limit, "limit_used_bytes": _use(folder, version)}

    def _folders(self) -> Iterator[tuple[str, _Version]]:
        for version, path in self._memberships():
            # A path with ".." leads out of the group namespace: what is visible there is the root alone.
            parts = [part for part in path.split("/") if part and part != ".."]
            for mount in version.folders:
                for depth in range(len(parts), -1, -1):
                    yield os.path.join(self._root, mount, *parts[:depth]), version

    def _memberships(self) -> list[tuple[_Version, str]]:
        try:
            lines = _read(self._groups).splitlines()
        except OSError:
            return [(_V1, "/"), (_V2, "/")]
        found = []
        for line in lines:
            _, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            if not controllers:
                found.append((_V2, path))
            elif "memory" in controllers.split(","):
                found.append((_V1, path))
        return found


def _limit(folder: str, version: _Version) -> int | None:
    limit = _number(os.path.join(folder, version.limit))
    return limit if limit is not None and limit < _UNLIMITED else None


def _use(folder: str, version: _Version) -> int | None:
    use = _number(os.path.join(folder, version.use))
    if use is None:
        return None
    return max(use - _reclaimable(folder, version.reclaimable), 0)


def _reclaimable(folder: str, key: str) -> int:
    try:
        for line in _read(os.path.join(folder, "memory.stat")).splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    except (OSError, ValueError):
        return 0
    return 0


def _number(path: str) -> int | None:
    try:
        return int(_read(path))
    except (OSError, ValueError):  # no such group or no right to it, or "max"
        return None


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()
