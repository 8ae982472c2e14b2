"""Workers' answers about leaks: written with the report that carried them, read with the leak.

The table has migrations of its own, because two rooms need it: whichever opens the file first makes it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from heaptide_server.model import Suspect
from heaptide_server.store.known import Known

KEPT = 5
EARLY = "early"  # asked about before it was a suspect, along with others
EARLY_KEPT_S = 3600.0  # of what no leak has come to be meanwhile: by then a worker may be asked anew
AGES = ("under_1_min", "under_5_min", "under_30_min", "under_2_h", "older")

migrations = Migrations("heaptide.diagnoses")


@migrations()
def first(db: Database) -> None:
    """An answer a row: what was found at the leak's sites, as the worker told it."""
    db.execute(
        """CREATE TABLE diagnoses (
        id INTEGER PRIMARY KEY, leak_id TEXT NOT NULL, asked_as TEXT NOT NULL, at REAL NOT NULL,
        worker_id INTEGER NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT,
        sites TEXT NOT NULL)"""
    )
    db.execute("CREATE INDEX diagnoses_by_leak ON diagnoses (leak_id, id)")


def insert(
    connection: sqlite3.Connection,
    leak_id: str,
    suspect: Suspect,
    known: Known,
    answer: Mapping[str, Any],
    now: float,
) -> None:
    """Stores what a worker answered about a leak; of earlier answers the last few are kept, and the last findings."""
    sites = [site for site in answer.get("sites", []) if site["site"] in suspect.sites]
    identity = known.identity
    connection.execute(
        "INSERT INTO diagnoses (leak_id, asked_as, at, worker_id, host, pid, status, reason, sites) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(leak_id, suspect.status, now, known.id, identity.host, identity.pid),
            *(answer["status"], answer.get("reason") or None, json.dumps(sites, separators=(",", ":"))),
        ],
    )
    connection.execute(
        "DELETE FROM diagnoses WHERE leak_id = ?1 "
        "AND id NOT IN (SELECT id FROM diagnoses WHERE leak_id = ?1 ORDER BY id DESC LIMIT ?2) "
        "AND id IS NOT (SELECT max(id) FROM diagnoses WHERE leak_id = ?1 AND status = 'done')",
        [leak_id, KEPT],
    )


def rows(connection: sqlite3.Connection, leak_id: str) -> list[sqlite3.Row]:
    """A leak's answers, newest first."""
    return connection.execute("SELECT * FROM diagnoses WHERE leak_id = ? ORDER BY id DESC", [leak_id]).fetchall()


def forget(connection: sqlite3.Connection, leak_id: str) -> None:
    """Drops a leak's answers."""
    connection.execute("DELETE FROM diagnoses WHERE leak_id = ?", [leak_id])


def forget_early(connection: sqlite3.Connection, now: float) -> None:
    """Drops old answers about what came to be no leak."""
    connection.execute(
        "DELETE FROM diagnoses WHERE asked_as = ? AND at < ? AND leak_id NOT IN (SELECT id FROM leaks)",
        [EARLY, now - EARLY_KEPT_S],
    )
