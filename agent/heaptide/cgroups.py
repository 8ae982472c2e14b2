"""Where the control groups of a process are: the folders of a controller, from its own group up to the visible root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

# How distributions mount version 1's controllers; version 2 has one tree for all, at the root or beside version 1.
_V1_MOUNTS = {"cpu": ("cpu,cpuacct", "cpuacct,cpu", "cpu"), "cpuset": ("cpuset",), "memory": ("memory",)}
_V2_MOUNTS = ("", "unified")


class Folder(NamedTuple):
    """A group's folder, and the version of control groups that its files follow."""

    path: str
    version: int

    def read(self, name: str) -> str | None:
        """A file's text without the blanks around it; None where there is none or no right to it."""
        return read(os.path.join(self.path, name))

    def number(self, name: str) -> int | None:
        """A file's number; None where it has another word, such as "max"."""
        text = self.read(name)
        return int(text) if text is not None and text.lstrip("-").isdigit() else None

    def counts(self, name: str) -> dict[str, int]:
        """A file of lines "name number"; empty where there is none."""
        pairs = [line.split() for line in (self.read(name) or "").splitlines()]
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


class Groups:
    """Finds a process's groups.

    In a container the group's path is often the host's, which isn't visible; then the visible root is the group.

    Args:
        proc: where the proc file system is mounted.
        cgroup: where the control groups are mounted.
        pid: whose groups; None for the process itself.
    """

    def __init__(self, proc: str, cgroup: str, pid: int | None) -> None:
        self._list = os.path.join(proc, "self" if pid is None else str(pid), "cgroup")
        self._root = cgroup

    def paths(self) -> list[tuple[str, str]]:
        """The controllers and the path of each group that the process is in; version 2 names no controllers."""
        found = []
        for line in (read(self._list) or "").splitlines():
            _, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            found.append((controllers, path))
        return found

    def folders(self, controller: str) -> Iterator[Folder]:
        """Folders of a controller, the process's own first; those that don't exist are among them."""
        for controllers, path in self.paths() or [("", "/"), (controller, "/")]:
            version = 1 if controllers else 2
            if version == 1 and controller not in controllers.split(","):
                continue
            # A path with ".." leads out of the group namespace: what is visible there is the root alone.
            parts = [part for part in path.split("/") if part and part != ".."]
            for mount in _V1_MOUNTS[controller] if version == 1 else _V2_MOUNTS:
                for depth in range(len(parts), -1, -1):
                    yield Folder(os.path.join(self._root, mount, *parts[:depth]), version)


def read(path: str) -> str | None:
    """A file's text without the blanks around it; None where there is none or no right to it."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None
