"""SQLite connections: the writer's one, and a pool for readers."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

BUSY_TIMEOUT_MS = 10_000


def connect(path: Path) -> Database:
    """Opens the store's file in WAL mode. Transactions are begun by hand: sqlite3 would begin deferred ones.

    A connection may go from thread to thread, but is used by one at a time.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a commit has reached the disk before a report is acknowledged.
    connection.execute("PRAGMA synchronous = FULL")
    return Database(connection)


@contextmanager
def transaction(db: Database) -> Iterator[sqlite3.Connection]:
    """One write transaction; it takes the write lock at once, since a deferred one can fail half-way."""
    connection = db.conn
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class Readers:
    """As many read-only connections as are in use at once. Each reading sees one moment of the store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: deque[Database] = deque()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lends a connection within one read transaction."""
        db = self._take()
        try:
            db.conn.execute("BEGIN")
            yield db.conn
        finally:
            if db.conn.in_transaction:
                db.conn.execute("ROLLBACK")
            self._idle.append(db)

    def close(self) -> None:
        """Closes the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Database:
        try:
            return self._idle.pop()
        except IndexError:
            db = connect(self._path)
            db.conn.execute("PRAGMA query_only = ON")
            return db
