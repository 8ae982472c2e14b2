"""Questions about object types: of which there are ever more."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from heaptide_server.model import Columns, Ints, TypeGrowth
from heaptide_server.store import batch, records, types_in_buckets
from heaptide_server.store.cover import RAW, Extent, Piece, cover
from heaptide_server.store.growth import Question, rows_of
from heaptide_server.store.known import Known, Maps
from heaptide_server.store.totals import SiteSums


def top_types(
    connection: sqlite3.Connection, question: Question, there: Extent, top: int, living: Iterable[Known]
) -> list[TypeGrowth]:
    """Types whose number grew most in the window, and how many the living workers have now."""
    grown = _grown(connection, question, there)
    most = sorted((number for number, growth in grown.items() if growth > 0), key=lambda number: -grown[number])[:top]
    live = _live(living)
    sql = f"SELECT id, name FROM types WHERE id IN ({records.AMONG})"  # noqa: S608 - our own text
    names = {row["id"]: row["name"] for row in connection.execute(sql, [records.listed(most)])}
    return [TypeGrowth(names[number], grown[number], live.get(number, 0)) for number in most if number in names]


def _grown(connection: sqlite3.Connection, question: Question, there: Extent) -> dict[int, int]:
    sums = SiteSums()
    maps = Maps(connection, "type")
    for piece in cover(question.since, question.until, there):
        if piece.width_s == RAW or question.only.slot is not None:
            _add_workers(connection, question, piece, maps, sums)
        else:
            told = types_in_buckets.read(
                connection, question.service, question.environment, piece, question.only.release
            )
            for changed in told:
                _add(sums, changed.ids, changed)
    return sums.sums()


def _add_workers(connection: sqlite3.Connection, question: Question, piece: Piece, maps: Maps, sums: SiteSums) -> None:
    """Adds what stands in the workers' own rows: of the last minutes, and where only some workers are asked for."""
    rows = [row for row in rows_of(connection, question, piece, "types") if row["kind"] == "change"]
    maps.read(row["worker_id"] for row in rows)
    for row, changed in zip(rows, batch.decode([row["types"] for row in rows]), strict=True):
        _add(sums, maps.of(row["worker_id"])[changed.ids], changed)


def _add(sums: SiteSums, type_ids: Ints, changed: Columns) -> None:
    if "count" in changed.values:
        sums.add(type_ids, changed.values["count"])


def _live(living: Iterable[Known]) -> dict[int, int]:
    sums = SiteSums()
    for worker in living:
        if "count" in worker.types.values:
            sums.add(worker.type_ids, worker.types.values["count"])
    return sums.sums()
