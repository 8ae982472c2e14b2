"""Alerts: targets and a test of them, the log of deliveries, a replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from heaptide_server.alerts.desk import Desk, TargetStatus, Trial, TrialUnderWayError, UnknownTargetError
from heaptide_server.alerts.history import Entry, ReplayRefusedError, UnknownDeliveryError
from heaptide_server.alerts.outbox import Status
from heaptide_server.api.shapes import time_json
from heaptide_server.ingest.problem import Problem

MAX_LIMIT = 500
# SQLite's largest row id: what is larger isn't a number that it takes.
Id = Annotated[int, InPath(ge=0, le=2**63 - 1)]
Before = Annotated[int | None, Query(ge=0, le=2**63 - 1)]


def router(desk: Callable[[], Desk]) -> APIRouter:
    """Routes about alerts.

    Args:
        desk: the collector's, once it is open.
    """
    routes = APIRouter(prefix="/api/v1/alerts")

    @routes.get("")
    def get_alerts(
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
        before: Before = None,
        status: Status | None = None,
        target: str | None = None,
    ) -> dict[str, Any]:
        """Deliveries, newest first. `next` is the `before` of the next page, null on the last."""
        entries = desk().log(limit, before, status, target)
        after = entries[-1].delivery.id if len(entries) == limit else None
        return {"deliveries": [entry_json(entry) for entry in entries], "next": after}

    @routes.get("/targets")
    def get_targets() -> dict[str, Any]:
        """Where alerts go, without secrets: of an address its host alone."""
        return {"targets": [target_json(status) for status in desk().targets()]}

    @routes.post("/targets/{name}/test")
    def post_test(name: str) -> dict[str, Any]:
        """Sends a firing and, if that arrived, a resolved notice of an invented leak, and tells the answers."""
        try:
            return {"target": name} | trial_json(desk().test(name))
        except UnknownTargetError as error:
            message = f"There is no target {name[:80]!r}; GET /api/v1/alerts/targets lists them."
            raise Problem(404, "unknown_target", message) from error
        except TrialUnderWayError as error:
            raise Problem(409, "test_under_way", f"{error}.") from error

    @routes.post("/{delivery_id}/replay")
    def post_replay(delivery_id: Id) -> dict[str, Any]:
        """Sends a dead or disabled delivery again, with its own webhook-id."""
        try:
            return entry_json(desk().replay(delivery_id))
        except UnknownDeliveryError as error:
            message = f"There is no delivery {delivery_id}; GET /api/v1/alerts lists them."
            raise Problem(404, "unknown_delivery", message) from error
        except ReplayRefusedError as error:
            raise Problem(409, "not_replayable", f"{error}.") from error

    return routes


def entry_json(entry: Entry) -> dict[str, Any]:
    """A delivery; `next_attempt` is null where there is none to come."""
    row = entry.delivery
    return {
        "id": row.id,
        "webhook_id": row.webhook_id,
        "target": row.target,
        "type": row.type,
        "status": row.status,
        "service": row.service or None,
        "environment": row.environment or None,
        "leaks": [{"id": leak.leak_id, "place": leak.place} for leak in entry.leaks],
        "created": time_json(row.created),
        "attempts": row.attempts,
        "next_attempt": time_json(row.next_attempt) if row.status == "pending" else None,
        "delivered_at": _time(row.delivered_at),
        "status_code": row.status_code,
        "latency_s": row.latency_s,
        "error": row.error,
        "answer": row.answer,
        "replayable": entry.replayable,
    }


def target_json(status: TargetStatus) -> dict[str, Any]:
    """A target and how it fares."""
    target = status.target
    return {
        "name": target.name,
        "host": target.host,
        "format": target.format,
        "signed": bool(target.secrets),
        "services": list(target.filter.services),
        "environments": list(target.filter.environments),
        "kinds": list(target.filter.kinds),
        "allow_nets": [str(net) for net in target.policy.allow_nets],
        "allow_http": target.policy.allow_http,
        "disabled_at": _time(status.disabled_at),
        "paused_until": _time(status.paused_until),
        "pending": status.pending,
        "delivered": status.delivered,
        "dead": status.dead,
        "held": status.held,
        "last_test": None if status.trial is None else trial_json(status.trial),
    }


def trial_json(trial: Trial) -> dict[str, Any]:
    """A test: whether both notices arrived, and each one's answer."""
    return {
        "at": time_json(trial.at),
        "passed": trial.passed,
        "answers": [
            {
                "notice": notice,
                "status": answer.status,
                "latency_s": round(answer.latency_s, 6),
                "error": answer.error,
                "body": answer.body,
            }
            for notice, answer in zip(("firing", "resolved"), trial.answers, strict=False)
        ],
    }


def _time(at: float | None) -> str | None:
    return None if at is None else time_json(at)
