"""The switch for tracing at run time: what the workers of a service are asked with their next replies."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from heaptide_server.store.known import Known


@dataclass(frozen=True)
class TraceRequest:
    """The newest request to a service's workers; `sample_bytes` 0 turns tracing off, None gives it back to them."""

    id: int
    at: float
    sample_bytes: int | None

    def concerns(self, known: Known) -> bool:
        """Whether this worker has still to be asked: one that starts with its own rate needn't be told to use it."""
        fresh = self.sample_bytes is None and known.first_seen >= self.at
        return known.answered < self.id and not fresh


def insert(connection: sqlite3.Connection, service: str, sample_bytes: int | None, now: float) -> TraceRequest:
    """Stores a request, which replaces the service's earlier ones."""
    sql = "INSERT INTO trace_requests (at, service, sample_bytes) VALUES (?, ?, ?)"
    number = connection.execute(sql, [now, service, sample_bytes]).lastrowid or 0
    connection.execute("DELETE FROM trace_requests WHERE service = ? AND id < ?", [service, number])
    return TraceRequest(number, now, sample_bytes)


def newest(connection: sqlite3.Connection) -> dict[str, TraceRequest]:
    """The request that holds for each service."""
    rows = connection.execute("SELECT id, at, service, sample_bytes FROM trace_requests ORDER BY id")
    return {row["service"]: TraceRequest(row["id"], row["at"], row["sample_bytes"]) for row in rows}
