"""Who looks after this process, and what killed its like: server, ancestors, container, unit, the kernel's counter."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any

from heaptide import servers
from heaptide.cgroups import Groups
from heaptide.probes import serving, surroundings


class Supervisor:
    """Tells of what stands above and around the process.

    Facts: server and its settings (see `heaptide.probes.serving`), parent (number and start, in clock ticks since
    boot), ancestors, container, unit and restart (its policy), oom_kills of the process's group, as the kernel counts
    them, and oom_kills_first, the same when this probe was made.

    Args:
        proc: where the proc file system is mounted.
        cgroup: where the control groups are mounted.
        root: the root of all other files.
        pid: whose files; None for the process itself.
        environ: the process's environment.
        frames: the main thread's frames, innermost first.
    """

    name = "supervisor"

    def __init__(
        self,
        proc: str = "/proc",
        cgroup: str = "/sys/fs/cgroup",
        root: str = "/",
        pid: int | None = None,
        environ: Mapping[str, str] = os.environ,
        frames: Callable[[], Iterable[FrameType]] = serving.main_frames,
    ) -> None:
        self._proc = proc
        self._pid = pid
        self._environ = environ
        self._frames = frames
        self._groups = Groups(proc, cgroup, pid)
        self._setup: dict[str, Any] = {}
        self._around = self._surroundings(root)
        self._first_kills = self._oom_kills()

    def facts(self) -> dict[str, Any]:
        """See the class."""
        # A server's own objects may come on the stack after this thread was started.
        self._setup = self._setup or self._server()
        kills = {"oom_kills": self._oom_kills(), "oom_kills_first": self._first_kills}
        return {**self._setup, **self._around, **kills, "ancestors": self._ancestors()}

    def _server(self) -> dict[str, Any]:
        found = serving.setup(self._frames())
        if found:
            return found
        name = servers.server_name(servers.main_calls())
        return serving.granian(sys.argv, self._environ) if name == "granian" else {}

    def _surroundings(self, root: str) -> dict[str, Any]:
        container = surroundings.container(self._groups, self._environ, root)
        # A container's groups may name the unit of the runtime that started it.
        unit = None if container else surroundings.unit(self._groups)
        return {
            "container": container,
            "unit": unit,
            "restart": surroundings.restart_policy(unit, root) if unit else None,
        }

    def _ancestors(self) -> list[dict[str, Any]]:
        """Anew each time: a process whose parent died gets another one."""
        return surroundings.ancestors(self._proc, self._pid or os.getpid())

    def _oom_kills(self) -> int | None:
        """Kills for want of memory in the nearest group that counts them, those in groups below it included."""
        for folder in self._groups.folders("memory"):
            counts = folder.counts("memory.oom_control" if folder.version == 1 else "memory.events")
            if "oom_kill" in counts:
                return counts["oom_kill"]
        return None
