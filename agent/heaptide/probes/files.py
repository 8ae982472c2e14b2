"""Open files: how many, of which kind, and whether they become more."""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Callable
from typing import Any

from heaptide.probes import Seen
from heaptide.probes.track import Track

MOST_LOOKED_AT = 500  # links that are read in one look: about a millisecond
_KINDS = ("socket", "pipe", "anon_inode")


class Files:
    """Tells of open files.

    Facts: limit (the soft one), kinds (of the first 500: sockets, pipes, files, ...), and the count's `Track`.

    Args:
        seen: what the reporter has seen.
        proc: where the proc file system is mounted.
        pid: whose files; None for the process itself.
        limit: the process's limit of open files, -1 for none.
    """

    name = "files"

    def __init__(
        self,
        seen: Seen,
        proc: str = "/proc",
        pid: int | None = None,
        *,
        limit: Callable[[], int] = lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    ) -> None:
        self._seen = seen
        self._folder = os.path.join(proc, "self" if pid is None else str(pid), "fd")
        self._limit = limit
        self._track = Track()

    def facts(self) -> dict[str, Any]:
        """See the class."""
        try:
            listed = os.listdir(self._folder)
        except OSError:
            return {}
        kinds = Counter(filter(None, (self._kind(number) for number in listed[:MOST_LOOKED_AT])))
        self._track.add(self._seen.requests, len(listed))
        limit = self._limit()
        return {"limit": limit if limit > 0 else None, "kinds": dict(kinds), **self._track.facts()}

    def _kind(self, number: str) -> str | None:
        try:
            link = os.readlink(os.path.join(self._folder, number))
        except OSError:  # closed since it was listed
            return None
        kind = link.partition(":")[0]
        return kind if kind in _KINDS else "device" if link.startswith("/dev/") else "file"
