"""Questions about object types: of which there are ever more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from heaptide_server.model import TypeGrowth
from heaptide_server.store import packed, records
from heaptide_server.store.cover import WIDTHS, Extent
from heaptide_server.store.growth import Question, changes
from heaptide_server.store.known import Known, Maps
from heaptide_server.store.totals import SiteSums


def top_types(
    connection: sqlite3.Connection, question: Question, there: Extent, top: int, living: Iterable[Known]
) -> list[TypeGrowth]:
    """Types whose number grew most in the window, and how many the living workers have now."""
    grown = _grown(connection, question, there)
    most = sorted((number for number, growth in grown.items() if growth > 0), key=lambda number: -grown[number])[:top]
    live = _live(living)
    sql = f"SELECT id, name FROM types WHERE id IN ({records.marks(most)})"  # noqa: S608 - our own text
    names = {row["id"]: row["name"] for row in connection.execute(sql, most)}
    return [TypeGrowth(names[number], grown[number], live.get(number, 0)) for number in most]


def _grown(connection: sqlite3.Connection, question: Question, there: Extent) -> dict[int, int]:
    sums = SiteSums()
    maps = Maps(connection, "type")
    for row in changes(connection, question, there, WIDTHS[-1], "types"):
        changed = packed.decode(row["types"])
        if "count" in changed.values:
            sums.add(maps.of(row["worker_id"])[changed.ids], changed.values["count"])
    return sums.sums()


def _live(living: Iterable[Known]) -> dict[int, int]:
    sums = SiteSums()
    for worker in living:
        if "count" in worker.types.values:
            sums.add(worker.type_ids, worker.types.values["count"])
    return sums.sums()
