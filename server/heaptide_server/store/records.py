"""Between rows of the store and the project's nouns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from heaptide.wire import VITALS
from heaptide_server.model import Frame, Ints, Site, Stored, Worker, WorkerIdentity

_IDENTITY = (
    "key",
    "service",
    "environment",
    "host",
    "pid",
    "started_at",
    "release",
    "python",
    "agent",
    "server",
    "interval_s",
)


def identity_values(identity: WorkerIdentity) -> dict[str, Any]:
    """The identity's columns of the table `workers`."""
    return {name: getattr(identity, name) for name in _IDENTITY}


def identity(row: sqlite3.Row) -> WorkerIdentity:
    """Who the worker of this row is."""
    return WorkerIdentity(**{name: row[name] for name in _IDENTITY})


def worker(row: sqlite3.Row) -> Worker:
    """The worker of this row."""
    return Worker(
        id=row["id"],
        identity=identity(row),
        slot=row["slot"],
        generation=row["generation"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
        ended_at=row["ended_at"],
        end_reason=row["end_reason"],
        requests=row["requests"],
        vitals=vitals_from(row["vitals"]),
        tracer=json.loads(row["tracer"]),
        agent=json.loads(row["costs"]),
        skew_s=row["skew_s"],
    )


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
    values: Sequence[float | None] = json.loads(text)
    return dict(zip(VITALS, [*values, *[None] * (len(VITALS) - len(values))], strict=True))


def ids_blob(ids: Sequence[int]) -> bytes:
    """Store ids as 64-bit little-endian numbers."""
    return np.array(ids, "<i8").tobytes()


def ids_from(blobs: Iterable[bytes]) -> Ints:
    """The ids of several such blobs, one after the other."""
    return np.frombuffer(b"".join(blobs), "<i8").astype(np.int64)


def marks(values: Sequence[object]) -> str:
    """The question marks of `IN (...)` for these values."""
    return ",".join("?" * len(values))
