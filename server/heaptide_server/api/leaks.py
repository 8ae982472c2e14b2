"""Leaks: the list, one, and what a person decides about it."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from heaptide_server.api.shapes import leak_json
from heaptide_server.ingest.problem import Problem
from heaptide_server.leaks.ledger import Ledger, UnknownLeakError

Status = Literal["suspect", "filling", "open", "resolved", "muted"]


class MuteBody(BaseModel):
    """Until when: null mutes for good, else until each worker's growth since is that many bytes."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    grown_bytes: Annotated[float, Field(gt=0)] | None = None


def router(ledger: Ledger) -> APIRouter:
    """Routes about leaks."""
    routes = APIRouter(prefix="/api/v1/leaks")

    @routes.get("")
    def get_leaks(service: str | None = None, status: Status | None = None) -> dict[str, Any]:
        """Leaks, those that grow fastest first."""
        return {"leaks": [leak_json(leak) for leak in ledger.leaks(service, status)]}

    @routes.get("/{leak_id}")
    def get_leak(leak_id: str) -> dict[str, Any]:
        """One leak."""
        leak = ledger.leak(leak_id)
        if leak is None:
            raise _unknown(leak_id)
        return leak_json(leak)

    @routes.post("/{leak_id}/resolve")
    def resolve(leak_id: str) -> dict[str, Any]:
        """Closes a leak by hand; it opens again if it comes back in a later release."""
        try:
            return leak_json(ledger.resolve(leak_id, time.time()))
        except UnknownLeakError as error:
            raise _unknown(leak_id) from error

    @routes.post("/{leak_id}/mute")
    def mute(leak_id: str, body: MuteBody | None = None) -> dict[str, Any]:
        """Keeps a leak without alerts."""
        try:
            return leak_json(ledger.mute(leak_id, time.time(), body.grown_bytes if body else None))
        except UnknownLeakError as error:
            raise _unknown(leak_id) from error

    @routes.post("/{leak_id}/reopen")
    def reopen(leak_id: str) -> dict[str, Any]:
        """Puts a leak back among the open ones."""
        try:
            return leak_json(ledger.reopen(leak_id, time.time()))
        except UnknownLeakError as error:
            raise _unknown(leak_id) from error

    return routes


def _unknown(leak_id: str) -> Problem:
    return Problem(404, "unknown_leak", f"There is no leak {leak_id[:80]!r}; GET /api/v1/leaks lists them.")
