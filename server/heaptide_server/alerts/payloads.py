"""From sheets to the body of a webhook: pure functions, one for each format.

The sheets of one body are of one type, service and environment.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from heaptide_server.alerts.channels import SLACK_LEAKS, pagerduty, slack
from heaptide_server.alerts.sheet import Sheet, timestamp

Format = Literal["generic", "alertmanager", "slack", "pagerduty"]

ALERT_NAME = "HeaptideLeak"
CHECK_NAME = "HeaptideCheck"
NOT_ENDED = "0001-01-01T00:00:00Z"  # how Alertmanager writes the end of what still fires

# How many leaks travel in one body. PagerDuty opens and closes an incident for each event, so each leak is one.
MOST_LEAKS: dict[Format, int] = {
    "generic": SLACK_LEAKS,
    "alertmanager": SLACK_LEAKS,
    "slack": SLACK_LEAKS,
    "pagerduty": 1,
}


def render(format_: Format, sheets: Sequence[Sheet], target: str, base_url: str) -> str:
    """The body for one target as JSON text.

    Args:
        sheets: one at least, at most `MOST_LEAKS` of the format.
        target: the target's name, Alertmanager's "receiver".
        base_url: the collector's own address as people open it, no slash at the end.
    """
    return json.dumps(_body(format_, sheets, target, base_url), separators=(",", ":"), allow_nan=False)


def _body(format_: Format, sheets: Sequence[Sheet], target: str, base_url: str) -> dict[str, Any]:
    if format_ == "generic":
        return envelope(sheets, target, base_url)
    if format_ == "alertmanager":
        return alertmanager(sheets, target, base_url)
    return slack(sheets) if format_ == "slack" else pagerduty(sheets[0])


def envelope(sheets: Sequence[Sheet], target: str, base_url: str) -> dict[str, Any]:
    """The generic body: Standard Webhooks' envelope around an Alertmanager group, and the leaks' or findings' own JSON
    beside it."""
    name = "findings" if sheets[0].kind == "check" else "leaks"
    data = alertmanager(sheets, target, base_url) | {name: [sheet.leak for sheet in sheets]}
    return {"type": sheets[-1].type, "timestamp": timestamp(sheets[-1].at), "data": data}


def alertmanager(sheets: Sequence[Sheet], target: str, base_url: str) -> dict[str, Any]:
    """A group of alerts as Alertmanager's webhook sends it, version 4."""
    alerts = [_alert(sheet) for sheet in sheets]
    grouped = {name: alerts[0]["labels"][name] for name in ("alertname", "service", "environment")}
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{', '.join(f'{name}={json.dumps(value)}' for name, value in grouped.items())}}}",
        "truncatedAlerts": 0,
        "status": alerts[0]["status"],
        "receiver": target,
        "groupLabels": grouped,
        "commonLabels": _common([alert["labels"] for alert in alerts]),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": base_url,
        "alerts": alerts,
    }


def _alert(sheet: Sheet) -> dict[str, Any]:
    return {
        "status": "resolved" if sheet.resolved else "firing",
        "labels": labels(sheet),
        "annotations": {"summary": sheet.summary, "evidence": sheet.evidence, "place": sheet.place},
        "startsAt": timestamp(sheet.first_seen),
        "endsAt": timestamp(sheet.at) if sheet.resolved else NOT_ENDED,
        "generatorURL": sheet.url,
        "fingerprint": sheet.leak_id,
    }


def labels(sheet: Sheet) -> dict[str, str]:
    """What identifies the alert: equal when it fires and when it resolves, so no line, size or release."""
    return {
        "alertname": CHECK_NAME if sheet.kind == "check" else ALERT_NAME,
        "service": sheet.service,
        "environment": sheet.environment,
        "kind": sheet.kind,
        "site": sheet.label,
    }


def _common(texts: Sequence[dict[str, str]]) -> dict[str, str]:
    return {name: text for name, text in texts[0].items() if all(other[name] == text for other in texts)}
