"""What the collector asks of workers with its replies: one table for every kind of request.

A request to a service holds until the next of its kind, and each worker answers it once. A request to one worker is
answered once, or not at all when the worker ends; it is kept for a while after, since workers are asked seldom.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from heaptide_server.model import Report, Request, Suspect
from heaptide_server.store import diagnoses
from heaptide_server.store.known import Known
from heaptide_server.store.roster import Roster

# How long a request to one worker is kept; one that isn't answered by then won't be.
KEPT_S = 3600.0


def concerns(request: Request, known: Known) -> bool:
    """Whether this worker has still to be asked."""
    if request.worker_id is not None:
        return request.worker_id == known.id and not request.answered
    # A worker that starts with its own rate needn't be told to use it.
    fresh = request.body.get("sample_bytes") is None and known.first_seen >= request.at
    return request.service == known.identity.service and known.answered < request.id and not fresh


def ask_service(roster: Roster, kind: str, service: str, body: dict[str, Any], now: float) -> Request:
    """Stores a request to each worker of a service, which replaces its earlier ones of this kind."""
    for old in list(roster.asked().values()):
        if (old.kind, old.service, old.worker_id) == (kind, service, None):
            _drop(roster, old)
    return _insert(roster, kind, service, None, body, {}, now)


def ask_worker(
    roster: Roster, kind: str, known: Known, body: dict[str, Any], suspects: Mapping[str, Suspect], now: float
) -> Request:
    """Stores a request to one worker, and drops those to single workers that are past their time."""
    for old in list(roster.asked().values()):
        if old.worker_id is not None and old.at < now - KEPT_S:
            _drop(roster, old)
    return _insert(roster, kind, known.identity.service, known, body, suspects, now)


def answered(roster: Roster, known: Known, report: Report, now: float) -> int:
    """Takes in a report's answers; the last request to the whole service that this worker has answered by now."""
    last = known.answered
    for answer in report.answers:
        request = roster.asked().get(_number(answer))
        if request is None:
            continue
        if request.worker_id is None:
            last = max(last, request.id) if request.service == known.identity.service else last
        # By its key: a worker that began anew in the meantime is another one of the store, but knows what it found.
        elif request.worker_key == known.identity.key and not request.answered:
            _settle(roster, request, known, answer, now)
    return last


def load(connection: sqlite3.Connection) -> dict[int, Request]:
    """All requests by id."""
    return {row["id"]: _request(row) for row in connection.execute("SELECT * FROM requests ORDER BY id")}


def _settle(roster: Roster, request: Request, known: Known, answer: Mapping[str, Any], now: float) -> None:
    roster.connection.execute("UPDATE requests SET answered = 1 WHERE id = ?", [request.id])
    roster.keep_request(replace(request, answered=True))
    for leak_id, suspect in request.suspects.items():
        diagnoses.insert(roster.connection, leak_id, suspect, known, answer, now)


def _insert(
    roster: Roster,
    kind: str,
    service: str,
    known: Known | None,
    body: dict[str, Any],
    suspects: Mapping[str, Suspect],
    now: float,
) -> Request:
    told = json.dumps({leak_id: asdict(suspect) for leak_id, suspect in suspects.items()})
    row = roster.connection.execute(
        "INSERT INTO requests (at, kind, service, worker_id, worker_key, body, suspects, answered) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 0) RETURNING *",
        [now, kind, service, known and known.id, known and known.identity.key, json.dumps(body), told],
    ).fetchone()
    request = _request(row)
    roster.keep_request(request)
    return request


def _drop(roster: Roster, request: Request) -> None:
    roster.connection.execute("DELETE FROM requests WHERE id = ?", [request.id])
    roster.forget_request(request.id)


def _number(answer: Mapping[str, Any]) -> int:
    text = str(answer.get("id", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _request(row: sqlite3.Row) -> Request:
    suspects = {
        leak_id: Suspect(told["status"], tuple(told["sites"])) for leak_id, told in json.loads(row["suspects"]).items()
    }
    return Request(
        id=row["id"],
        at=row["at"],
        kind=row["kind"],
        service=row["service"],
        worker_id=row["worker_id"],
        worker_key=row["worker_key"],
        body=json.loads(row["body"]),
        suspects=suspects,
        answered=bool(row["answered"]),
    )
