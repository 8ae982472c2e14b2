"""From a notice to the body of a webhook: pure functions, one for each format."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from heaptide_server.alerts.channels import pagerduty, slack
from heaptide_server.alerts.sentences import Notice, is_resolved, label, place, summary
from heaptide_server.model import Leak

Format = Literal["generic", "alertmanager", "slack", "pagerduty"]

ALERT_NAME = "HeaptideLeak"
NOT_ENDED = "0001-01-01T00:00:00Z"  # how Alertmanager writes the end of what still fires


@dataclass(frozen=True)
class Pages:
    """What a body needs to know of the rest of the collector.

    Attributes:
        base_url: the collector's own address as people open it, no slash at the end.
        leak_json: a leak as the HTTP API tells it.
    """

    base_url: str
    leak_json: Callable[[Leak], dict[str, Any]]

    def leak_url(self, leak: Leak) -> str:
        """The leak's page."""
        return f"{self.base_url}/leaks/{leak.id}"


def render(format_: Format, notice: Notice, now: float, target: str, pages: Pages) -> str:
    """The body for one target as JSON text; the same for each attempt.

    Args:
        now: when it happened, seconds since the epoch.
        target: the target's name, Alertmanager's "receiver".
    """
    url = pages.leak_url(notice.leak)
    bodies: dict[Format, Callable[[], dict[str, Any]]] = {
        "generic": lambda: envelope(notice, now, target, pages),
        "alertmanager": lambda: alertmanager(notice, now, target, pages),
        "slack": lambda: slack(notice, url),
        "pagerduty": lambda: pagerduty(notice, timestamp(now), url),
    }
    return json.dumps(_finite(bodies[format_]()), separators=(",", ":"), allow_nan=False)


def envelope(notice: Notice, now: float, target: str, pages: Pages) -> dict[str, Any]:
    """The generic body: Standard Webhooks' envelope around an Alertmanager group and the leak's own JSON."""
    data = alertmanager(notice, now, target, pages) | {"leak": pages.leak_json(notice.leak)}
    return {"type": notice.kind, "timestamp": timestamp(now), "data": data}


def alertmanager(notice: Notice, now: float, target: str, pages: Pages) -> dict[str, Any]:
    """A group of one alert as Alertmanager's webhook sends it, version 4."""
    alert = _alert(notice, now, pages)
    grouped = {name: alert["labels"][name] for name in ("alertname", "service", "environment")}
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{', '.join(f'{name}={json.dumps(value)}' for name, value in grouped.items())}}}",
        "truncatedAlerts": 0,
        "status": alert["status"],
        "receiver": target,
        "groupLabels": grouped,
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": pages.base_url,
        "alerts": [alert],
    }


def _alert(notice: Notice, now: float, pages: Pages) -> dict[str, Any]:
    leak, resolved = notice.leak, is_resolved(notice)
    return {
        "status": "resolved" if resolved else "firing",
        "labels": labels(leak),
        "annotations": {"summary": summary(notice), "evidence": leak.evidence, "place": place(leak)},
        "startsAt": timestamp(leak.first_seen),
        "endsAt": timestamp(now) if resolved else NOT_ENDED,
        "generatorURL": pages.leak_url(leak),
        "fingerprint": leak.id,
    }


def labels(leak: Leak) -> dict[str, str]:
    """What identifies the alert: equal when it fires and when it resolves, so no line, size or release."""
    return {
        "alertname": ALERT_NAME,
        "service": leak.service,
        "environment": leak.environment,
        "kind": leak.kind,
        "site": label(leak),
    }


def timestamp(at: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _finite(value: Any) -> Any:
    # JSON has no NaN, and an alert that can't be written must not undo the transaction that it is written in.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
