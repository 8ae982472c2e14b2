"""Between rows of the store and the project's nouns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from heaptide.wire import VITALS
from heaptide_server.model import Frame, Ints, Site, Stored, Worker, WorkerIdentity

_UNKNOWN = [None] * len(VITALS)
_IDENTITY = tuple(field.name for field in fields(WorkerIdentity))
# What stands in `IN (...)` for any number of ids: SQLite takes 32,766 values in a statement, and a fleet that recycles
# its workers every hour has more lives than that in a month.
AMONG = "SELECT value FROM json_each(?)"


def identity_values(identity: WorkerIdentity) -> dict[str, Any]:
    """The identity's columns of the table `workers`."""
    return {name: getattr(identity, name) for name in _IDENTITY}


def identity(row: sqlite3.Row) -> WorkerIdentity:
    """Who the worker of this row is."""
    return WorkerIdentity(*(row[name] for name in _IDENTITY))


def workers(rows: Sequence[sqlite3.Row]) -> list[Worker]:
    """The workers of these rows. A page reads thousands, so their JSON is read at once."""
    vitals, tracers, costs = (_read_at_once(rows, name) for name in ("vitals", "tracer", "costs"))
    return [
        Worker(
            id=row["id"],
            identity=identity(row),
            slot=row["slot"],
            generation=row["generation"],
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            ended_at=row["ended_at"],
            end_reason=row["end_reason"],
            requests=row["requests"],
            vitals=_by_name(values),
            tracer=tracer,
            agent=cost,
            skew_s=row["skew_s"],
        )
        for row, values, tracer, cost in zip(rows, vitals, tracers, costs, strict=True)
    ]


def _read_at_once(rows: Sequence[sqlite3.Row], column: str) -> list[Any]:
    found: list[Any] = json.loads(f"[{','.join(row[column] for row in rows)}]")
    return found


def stored(row: sqlite3.Row) -> Stored:
    """The raw entry of this row."""
    return Stored(
        id=row["id"],
        worker_id=row["worker_id"],
        kind=row["kind"],
        at=row["at"],
        elapsed_s=row["elapsed_s"],
        requests=row["requests"],
        vitals=vitals_from(row["vitals"]),
        sites=row["sites"],
        types=row["types"],
        looked=bool(row["looked"]),
    )


def site(row: sqlite3.Row) -> Site:
    """The site of this row."""
    frames = tuple(Frame(file, function, line, in_app) for file, function, line, in_app in json.loads(row["frames"]))
    return Site(row["id"], frames)


def site_frames(frames: Iterable[Frame]) -> str:
    """A stack as it is stored, and told apart from others: a JSON list of [file, function, line, in_app]."""
    rows = [[frame.file, frame.function, frame.line, frame.in_app] for frame in frames]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def site_name(frames: tuple[Frame, ...]) -> str:
    """A site as a person reads it in a table: the line in the user's own code."""
    top = Site(0, frames).top
    return f"{top.file}:{top.line} {top.function}" if top else "(other)"


def vitals_text(vitals: dict[str, float | None]) -> str:
    """Vitals as they are stored: a JSON list in the order of `heaptide.wire.VITALS`."""
    return json.dumps([vitals.get(name) for name in VITALS], separators=(",", ":"))


def vitals_from(text: str) -> dict[str, float | None]:
    """Vitals by name; those that are later than the row are None."""
    return _by_name(json.loads(text))


def _by_name(values: Sequence[float | None]) -> dict[str, float | None]:
    return dict(zip(VITALS, [*values, *_UNKNOWN[len(values) :]], strict=True))


def ids_blob(ids: Sequence[int]) -> bytes:
    """Store ids as 64-bit little-endian numbers."""
    return np.array(ids, "<i8").tobytes()


def ids_from(blobs: Iterable[bytes]) -> Ints:
    """The ids of several such blobs, one after the other."""
    return np.frombuffer(b"".join(blobs), "<i8").astype(np.int64)


def listed(ids: Iterable[int]) -> str:
    """Ids as the one value of `AMONG`."""
    return json.dumps([int(one) for one in ids])


def marks(values: Sequence[object]) -> str:
    """A question mark for each of a row's values; for ids, which may be many, there is `AMONG`."""
    return ",".join("?" * len(values))
