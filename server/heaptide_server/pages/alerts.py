"""The alerts page: targets, a test of each, the log, a replay."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, cast, get_args

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from heaptide_dashboards import alerts as views
from heaptide_dashboards import render
from heaptide_dashboards.format import shorten
from heaptide_server.alerts.desk import Desk, TargetStatus, Trial, TrialUnderWayError, UnknownTargetError
from heaptide_server.alerts.history import Entry, ReplayRefusedError, UnknownDeliveryError
from heaptide_server.alerts.outbox import Status
from heaptide_server.pages.problems import Missing, PageRoute, Problem

ROWS = 50
Id = Annotated[int, Path(ge=0, le=2**63 - 1)]
Before = Annotated[int | None, Query(ge=0, le=2**63 - 1)]


def router(desk: Callable[[], Desk], clock: Callable[[], float] = time.time) -> APIRouter:
    """The page's routes.

    Args:
        desk: the collector's, once it is open.
        clock: seconds since the epoch.
    """
    routes = APIRouter(
        prefix="/alerts", default_response_class=HTMLResponse, route_class=PageRoute, include_in_schema=False
    )

    @routes.get("")
    def alerts(before: Before = None, status: str = "") -> str:
        entries = desk().log(ROWS, before, _status(status))
        return render.alerts_html(
            views.AlertsPage(
                now=clock(),
                targets=[target_row(status) for status in desk().targets()],
                deliveries=[delivery_row(entry) for entry in entries],
                before=before,
                older=entries[-1].delivery.id if len(entries) == ROWS else None,
                status=status,
            )
        )

    @routes.post("/targets/{name}/test")
    def test(name: str) -> Response:
        try:
            desk().test(name)
        except UnknownTargetError as error:
            raise Missing(f"There is no target {shorten(name, 80)!r}.") from error
        except TrialUnderWayError as error:
            raise Problem(409, "Under way", f"{error}.") from error
        return _back()

    @routes.post("/{delivery_id}/replay")
    def replay(delivery_id: Id) -> Response:
        try:
            desk().replay(delivery_id)
        except UnknownDeliveryError as error:
            raise Missing(f"There is no delivery {delivery_id}; old ones are forgotten.") from error
        except ReplayRefusedError as error:
            raise Problem(409, "Not replayed", f"{error}.") from error
        return _back()

    return routes


def _status(name: str) -> Status | None:
    known = get_args(Status)
    if name and name not in known:
        raise Problem(400, "No such state", f"status={shorten(name, 40)} is none of {', '.join(known)}.")
    return cast("Status", name) if name else None


def _back() -> Response:
    # A form without script follows it to the page, htmx does too and takes the new content from there.
    return RedirectResponse(views.alerts_url(), status_code=303)


def target_row(status: TargetStatus) -> views.TargetRow:
    """A target as the page shows it."""
    target = status.target
    filters = (
        ("services", target.filter.services),
        ("environments", target.filter.environments),
        ("kinds", target.filter.kinds),
    )
    return views.TargetRow(
        name=target.name,
        host=target.host,
        format=target.format,
        signed=bool(target.secrets),
        disabled=status.disabled_at is not None,
        paused_until=status.paused_until,
        pending=status.pending,
        delivered=status.delivered,
        dead=status.dead,
        held=status.held,
        filters=[(name, values) for name, values in filters if values],
        trial=_trial(status.trial) if status.trial else None,
    )


def _trial(trial: Trial) -> views.TrialView:
    return views.TrialView(
        at=trial.at,
        passed=trial.passed,
        answers=[
            views.AnswerView(notice, answer.status, answer.latency_s, answer.error, answer.body)
            for notice, answer in zip(("firing", "resolved"), trial.answers, strict=False)
        ],
    )


def delivery_row(entry: Entry) -> views.DeliveryRow:
    """A delivery as a row of the log."""
    row = entry.delivery
    return views.DeliveryRow(
        id=row.id,
        status=row.status,
        type=row.type,
        target=row.target,
        service=row.service,
        environment=row.environment,
        leaks=[(leak.leak_id, leak.place) for leak in entry.leaks],
        created=row.created,
        attempts=row.attempts,
        next_attempt=row.next_attempt if row.status == "pending" else None,
        status_code=row.status_code,
        latency_s=row.latency_s,
        error=row.error,
        answer=row.answer,
        replayable=entry.replayable,
    )
