"""The workers as one transaction sees them: what it changed lies over what is live until it has committed."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from heaptide_server.model import Request, WorkerIdentity
from heaptide_server.store.generations import Life, Slot, assign
from heaptide_server.store.known import Known, load_by_key

# A worker's slot can still change this long after it was first seen, while its predecessor's end becomes known.
SETTLED_AFTER_S = 3600.0


class Roster:
    """Finds workers, keeps their new state, and numbers the groups that changed.

    Args:
        connection: in the writer's transaction.
        live: the workers alive by key; changed only by `publish`.
        requests: what workers are asked, by id; changed only by `publish`.
    """

    def __init__(
        self, connection: sqlite3.Connection, live: dict[str, Known], requests: dict[int, Request] | None = None
    ) -> None:
        self.connection = connection
        self._live = live
        self._requests = {} if requests is None else requests
        self._asked: dict[int, Request] | None = None
        self._changed: dict[str, Known] = {}
        self._groups: dict[tuple[str, str, str], float] = {}

    def find(self, key: str) -> Known | None:
        """The newest worker of this key, from memory where it's alive."""
        return self._changed.get(key) or self._live.get(key) or load_by_key(self.connection, key)

    def alive(self) -> list[Known]:
        """All workers alive."""
        return [known for known in (self._live | self._changed).values() if not known.ended]

    def keep(self, known: Known) -> None:
        """Remembers a worker's new state."""
        self._changed[known.identity.key] = known

    def asked(self) -> Mapping[int, Request]:
        """What workers are asked, by id."""
        return self._requests if self._asked is None else self._asked

    def keep_request(self, request: Request) -> None:
        """Remembers a request, or what became of it."""
        self._asked = {**self.asked(), request.id: request}

    def forget_request(self, number: int) -> None:
        """Asks it no longer."""
        self._asked = {key: request for key, request in self.asked().items() if key != number}

    def regroup(self, identity: WorkerIdentity, now: float) -> None:
        """Has the slots of this worker's group numbered anew before the commit."""
        self._groups[(identity.service, identity.environment, identity.host)] = now

    def settle(self) -> None:
        """Numbers the slots and generations of the groups that changed."""
        for group, now in self._groups.items():
            _number(self.connection, group, now - SETTLED_AFTER_S)

    def publish(self) -> None:
        """Makes the changes live, after the commit."""
        for key, known in self._changed.items():
            if known.ended:
                self._live.pop(key, None)
            else:
                self._live[key] = known
        for number in self._requests.keys() - self.asked().keys():
            del self._requests[number]
        self._requests.update(self.asked())


def _number(connection: sqlite3.Connection, group: tuple[str, str, str], settled_before: float) -> None:
    where = "service = ? AND environment = ? AND host = ? AND first_seen"
    recent = connection.execute(
        f"SELECT id, key, started_at, last_seen, ended_at IS NULL AS alive, slot, generation "  # noqa: S608
        f"FROM workers WHERE {where} >= ?",
        [*group, settled_before],
    ).fetchall()
    # With max(), SQLite takes the other columns from the row that has the maximum.
    older = connection.execute(
        f"SELECT slot, max(generation) AS generation, key, last_seen, ended_at IS NULL AS alive "  # noqa: S608
        f"FROM workers WHERE {where} < ? GROUP BY slot",
        [*group, settled_before],
    )
    settled = [Slot(row["slot"], row["generation"], row["key"], row["last_seen"], bool(row["alive"])) for row in older]
    lives = [Life(row["id"], row["key"], row["started_at"], row["last_seen"], bool(row["alive"])) for row in recent]
    assigned = assign(lives, settled)
    moved = [(*assigned[row["id"]], row["id"]) for row in recent if assigned[row["id"]] != (row[5], row[6])]
    connection.executemany("UPDATE workers SET slot = ?, generation = ? WHERE id = ?", moved)
