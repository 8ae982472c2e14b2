"""One bucket of a service's sums, made anew as a whole: what the tables beside `rollups` have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Literal


@dataclass(frozen=True)
class Bucket:
    """A closed bucket of a service in an environment; its fields are columns of each table."""

    service: str
    environment: str
    width_s: int
    start: float

    def fill(
        self,
        connection: sqlite3.Connection,
        table: Literal["fleet", "fleet_types", "fleet_vitals"],
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        also: str = "",
    ) -> None:
        """Puts these rows in place of those that the table has of the bucket.

        Args:
            columns: of `rows`, beside the bucket's own.
            also: more of the condition for old rows, where an index wants it.
        """
        where = astuple(self)
        own = "service, environment, width_s, start"
        connection.execute(
            f"DELETE FROM {table} WHERE ({own}) = (?, ?, ?, ?) {also}",  # noqa: S608 - our own texts
            where,
        )
        marks = ", ".join("?" * (len(where) + len(columns)))
        connection.executemany(
            f"INSERT INTO {table} ({own}, {', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - our own texts
            [(*where, *row) for row in rows],
        )
