"""Workers as pages ask for them: those that ended hardly change, so each is read once."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from threading import Lock

from heaptide_server.model import Worker
from heaptide_server.store import records
from heaptide_server.store.growth import Question

# Thirty days of 200 workers, each recycled every three days, are 2,200 lives; one takes about 4 kB.
MOST = 4096

# How a worker is recognised as the same: whatever is heard of it again counts another request, or comes later, and its
# slot and generation settle only when its predecessor's end is known.
_Version = tuple[float, float | None, int, int, int]


class Lives:
    """Remembers ended workers, those asked for last. Safe to use from any thread.

    Args:
        most: how many.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[int, tuple[_Version, Worker]] = OrderedDict()
        self._lock = Lock()

    def workers(self, connection: sqlite3.Connection, question: Question) -> list[Worker]:
        """Workers seen in the window, by environment, host, slot and generation."""
        chosen, values = question.workers
        sql = (
            f"SELECT id, last_seen, ended_at, requests, slot, generation FROM workers WHERE id IN ({chosen}) "  # noqa: S608
            "ORDER BY environment, host, slot, generation"
        )
        versions: dict[int, _Version] = {number: tuple(rest) for number, *rest in connection.execute(sql, values)}
        found = self._find(versions)
        missing = [number for number in versions if number not in found]
        sql = f"SELECT * FROM workers WHERE id IN ({records.AMONG})"  # noqa: S608 - our own text
        rows = connection.execute(sql, [records.listed(missing)]).fetchall()
        found |= {worker.id: worker for worker in records.workers(rows)}
        self._keep([(versions[number], found[number]) for number in missing])
        return [found[number] for number in versions]

    def _find(self, versions: dict[int, _Version]) -> dict[int, Worker]:
        found = {}
        with self._lock:
            for number, version in versions.items():
                kept = self._kept.get(number)
                if kept is not None and kept[0] == version:
                    self._kept.move_to_end(number)
                    found[number] = kept[1]
        return found

    def _keep(self, read: list[tuple[_Version, Worker]]) -> None:
        with self._lock:
            for version, worker in read:
                if worker.ended_at is not None:
                    self._kept[worker.id] = version, worker
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
