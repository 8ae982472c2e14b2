"""The newest facts of each worker, whole as its probes told them.

The table has migrations of its own, since what else the store keeps changes apart from it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from heaptide_server.store import records

Facts = dict[str, dict[str, Any]]

migrations = Migrations("heaptide.facts")


@migrations()
def first(db: Database) -> None:
    """A worker and a probe a row."""
    db.execute(
        """CREATE TABLE facts (
        worker_id INTEGER NOT NULL REFERENCES workers (id), probe TEXT NOT NULL, at REAL NOT NULL, told TEXT NOT NULL,
        PRIMARY KEY (worker_id, probe)) WITHOUT ROWID"""
    )


def keep(connection: sqlite3.Connection, worker_id: int, facts: Mapping[str, Mapping[str, Any]], now: float) -> None:
    """Stores what changed, in place of what these probes told before."""
    rows = [(worker_id, probe, now, json.dumps(told, separators=(",", ":"))) for probe, told in facts.items()]
    if rows:
        connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", rows)


def read(connection: sqlite3.Connection, worker_ids: Iterable[int]) -> dict[int, Facts]:
    """What is known of these workers; one that told nothing is left out."""
    sql = f"SELECT worker_id, probe, told FROM facts WHERE worker_id IN ({records.AMONG})"  # noqa: S608 - our own text
    found: dict[int, Facts] = {}
    for row in connection.execute(sql, [records.listed(worker_ids)]):
        found.setdefault(row["worker_id"], {})[row["probe"]] = json.loads(row["told"])
    return found


def forget(connection: sqlite3.Connection) -> int:
    """Drops the facts of workers that aren't known any more; returns how many."""
    return connection.execute("DELETE FROM facts WHERE worker_id NOT IN (SELECT id FROM workers)").rowcount
