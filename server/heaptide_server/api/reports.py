"""`POST /api/v1/reports`: where agents report."""

from __future__ import annotations

import time
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from starlette.requests import ClientDisconnect

from heaptide.wire import CONTENT_TYPE, MAX_COMPRESSED_BYTES, MAX_REPORT_BYTES
from heaptide_server.api.metrics import Metrics
from heaptide_server.ingest.limits import read_body
from heaptide_server.ingest.problem import Problem
from heaptide_server.ingest.reading import check_content_type, read_report
from heaptide_server.model import Receipt, Report
from heaptide_server.store.protocol import Store

# Reading holds the interpreter's lock, so more at once would only take more memory: up to ~200 MB for the worst body.
READING_AT_ONCE = 4
# Those that wait commit together.
WAITING_AT_ONCE = 64

_BODY = {"requestBody": {"content": {CONTENT_TYPE: {"schema": {"type": "object"}}}, "required": True}}


def router(store: Store, metrics: Metrics) -> APIRouter:
    """The route for agents' reports."""
    routes = APIRouter(prefix="/api/v1")
    reading, waiting = CapacityLimiter(READING_AT_ONCE), CapacityLimiter(WAITING_AT_ONCE)

    @routes.post("/reports", openapi_extra=_BODY)
    async def post_report(request: Request) -> dict[str, Any]:
        """Takes one report. It is on disk when it is acknowledged."""
        received_at = time.time()
        try:
            body = await _body(request)
            report = await to_thread.run_sync(read_report, body, received_at, limiter=reading)
            receipt = await to_thread.run_sync(_append, store, report, received_at, limiter=waiting)
        except Problem:
            metrics.count_report("refused")
            raise
        metrics.count_report(receipt.outcome)
        return _reply(store, report, receipt)

    return routes


async def _body(request: Request) -> bytes:
    check_content_type(request.headers.get("content-type", ""))
    encoding = request.headers.get("content-encoding", "")
    try:
        return await read_body(request.stream(), encoding, MAX_COMPRESSED_BYTES, MAX_REPORT_BYTES)
    except ClientDisconnect as error:
        raise Problem(400, "cut_off", "The connection ended within the body.") from error


def _append(store: Store, report: Report, now: float) -> Receipt:
    try:
        return store.append([report], now)[0]
    except ValueError as error:
        raise Problem(422, "invalid_report", f"{error}.") from error


def _reply(store: Store, report: Report, receipt: Receipt) -> dict[str, Any]:
    if receipt.outcome == "gap":
        message = (
            f"Base {report.base} isn't the last acknowledged report, {receipt.acknowledged}; send one with base 0."
        )
        raise Problem(409, "gap", message, "base", beside={"acknowledged": receipt.acknowledged})
    return {"acknowledged": receipt.acknowledged, "requests": store.requests_for(report.worker.key)}
