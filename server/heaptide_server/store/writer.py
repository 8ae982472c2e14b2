"""The one thread that writes: each piece of work is a transaction, and what waited together commits together."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from heaptide_server.model import Columns, Receipt, Report, Request
from heaptide_server.store import appending, diagnoses, facts, packed, requests
from heaptide_server.store.connections import connect, transaction
from heaptide_server.store.known import Known, load_alive
from heaptide_server.store.migrations import migrations
from heaptide_server.store.protocol import StoreUnavailable
from heaptide_server.store.roster import Roster

T = TypeVar("T")


@dataclass
class _Call:
    reports: Sequence[Report]
    now: float
    decoded: list[tuple[Columns, Columns]]
    receipts: list[Receipt] = field(default_factory=list)
    error: StoreUnavailable | None = None


class Writer:
    """Owns the writing connection, and in memory the workers (`live`) and `requests` to them, which follow each commit.

    Args:
        path: the SQLite file.
        raw_s: how long raw entries are kept, in seconds.
    """

    def __init__(self, path: Path, raw_s: float) -> None:
        self.live: dict[str, Known] = {}
        self.requests: dict[int, Request] = {}
        self._raw_s = raw_s
        self._waiting: deque[_Call] = deque()
        self._path = path
        self._executor = ThreadPoolExecutor(1, "heaptide-writer")
        self._opened: Database | None = None

    def migrate(self) -> None:
        """Brings the schema to this version and reads the workers that are alive."""
        self._executor.submit(self._migrate).result()

    def run(self, work: Callable[[Roster], T]) -> T:
        """Does a piece of work in a transaction of its own.

        Raises:
            StoreUnavailable: the database refused; nothing of the work was stored.
        """
        return self._submit(lambda: self._commit(work))

    def append(self, reports: Sequence[Report], now: float) -> list[Receipt]:
        """Stores reports, in one transaction with those that wait beside them.

        Raises:
            ValueError: a report's packed rows are damaged or don't fit its definitions; none of these were stored.
            StoreUnavailable: the database refused; nothing was stored.
        """
        call = _Call(reports, now, [_decoded(report) for report in reports])
        self._waiting.append(call)
        self._submit(self._drain)
        if call.error:
            raise call.error
        return call.receipts

    def close(self) -> None:
        """Finishes what was begun, then closes the connection."""
        self._executor.shutdown(wait=True)
        if self._opened:
            self._opened.close()

    @property
    def _db(self) -> Database:
        if self._opened is None:
            self._opened = connect(self._path)
        return self._opened

    def _submit(self, work: Callable[[], T]) -> T:
        try:
            future = self._executor.submit(work)
        except RuntimeError as error:
            raise StoreUnavailable("the store is closed") from error
        return future.result()

    def _migrate(self) -> None:
        migrations.apply(self._db)
        diagnoses.migrations.apply(self._db)
        facts.migrations.apply(self._db)
        self.requests.update(requests.load(self._db.conn))
        self.live.update(load_alive(self._db.conn))

    def _commit(self, work: Callable[[Roster], T]) -> T:
        try:
            with transaction(self._db) as connection:
                roster = Roster(connection, self.live, self.requests)
                result = work(roster)
                roster.settle()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the database refused to write: {error}") from error
        roster.publish()
        return result

    def _drain(self) -> None:
        calls = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not calls:
            return
        # Only a commit takes this away; an unforeseen end of this function leaves it to the callers.
        for call in calls:
            call.error = StoreUnavailable("the store failed while it wrote this group of reports")
        try:
            self._commit(lambda roster: self._store(roster, calls))
        except StoreUnavailable as error:
            for call in calls:
                call.error = error
        else:
            for call in calls:
                call.error = None

    def _store(self, roster: Roster, calls: Sequence[_Call]) -> None:
        for call in calls:
            oldest = call.now - self._raw_s / 2
            call.receipts = [
                appending.accept(roster, report, sites, types, call.now, oldest)
                for report, (sites, types) in zip(call.reports, call.decoded, strict=True)
            ]


def _decoded(report: Report) -> tuple[Columns, Columns]:
    sites = packed.decode(report.site_changes, below=report.first_site + len(report.new_sites))
    return sites, packed.decode(report.type_changes, below=report.first_type + len(report.new_types))
