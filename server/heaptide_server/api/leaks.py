"""Leaks: the list, one, and what a person decides about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from heaptide_server.api.shapes import leak_in_full_json
from heaptide_server.ingest.problem import Problem
from heaptide_server.leaks.diagnosing import Diagnosing, NobodyToAskError
from heaptide_server.leaks.ledger import Ledger, UnknownLeakError

T = TypeVar("T")
Status = Literal["suspect", "filling", "open", "resolved", "muted"]


class MuteBody(BaseModel):
    """Until when: null mutes for good, else until each worker's growth since is that many bytes."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    grown_bytes: Annotated[float, Field(gt=0)] | None = None


def router(ledger: Ledger, diagnosing: Diagnosing) -> APIRouter:
    """Routes about leaks."""
    routes = APIRouter(prefix="/api/v1/leaks")

    @routes.get("")
    def get_leaks(service: str | None = None, status: Status | None = None) -> dict[str, Any]:
        """Leaks, those that grow fastest first."""
        return {"leaks": [leak_in_full_json(leak) for leak in ledger.leaks(service, status)]}

    @routes.get("/{leak_id}")
    def get_leak(leak_id: str) -> dict[str, Any]:
        """One leak."""
        leak = ledger.leak(leak_id)
        if leak is None:
            raise _unknown(leak_id)
        return leak_in_full_json(leak)

    @routes.post("/{leak_id}/resolve")
    def resolve(leak_id: str) -> dict[str, Any]:
        """Closes a leak by hand; it opens again if it comes back in a later release."""
        return leak_in_full_json(_done(ledger.resolve, leak_id))

    @routes.post("/{leak_id}/mute")
    def mute(leak_id: str, body: MuteBody | None = None) -> dict[str, Any]:
        """Keeps a leak without alerts."""
        return leak_in_full_json(
            _done(lambda found, now: ledger.mute(found, now, body.grown_bytes if body else None), leak_id)
        )

    @routes.post("/{leak_id}/reopen")
    def reopen(leak_id: str) -> dict[str, Any]:
        """Puts a leak back among the open ones."""
        return leak_in_full_json(_done(ledger.reopen, leak_id))

    @routes.post("/{leak_id}/diagnose", status_code=202)
    def diagnose(leak_id: str) -> dict[str, Any]:
        """Asks a worker what leaks and what holds it; the leak has its answer after that worker's next report."""
        try:
            request = _done(diagnosing.ask, leak_id)
        except NobodyToAskError as error:
            raise Problem(409, "nobody_to_ask", str(error)) from error
        return {"id": str(request.id), "worker": request.worker_id}

    return routes


def _done(act: Callable[[str, float], T], leak_id: str) -> T:
    try:
        return act(leak_id, time.time())
    except UnknownLeakError as error:
        raise _unknown(leak_id) from error


def _unknown(leak_id: str) -> Problem:
    return Problem(404, "unknown_leak", f"There is no leak {leak_id[:80]!r}; GET /api/v1/leaks lists them.")
