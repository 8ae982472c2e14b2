"""The alerts page: its plain data, and what it says in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from heaptide_dashboards.format import MISSING, NBSP, plural
from heaptide_dashboards.sentences import State, Verdict


@dataclass(frozen=True)
class AnswerView:
    """What a target said to one notice of a test; `status` is None where it didn't answer."""

    notice: str
    status: int | None
    latency_s: float
    error: str | None
    body: str


@dataclass(frozen=True)
class TrialView:
    """A test of a target."""

    at: float
    passed: bool
    answers: Sequence[AnswerView]


@dataclass(frozen=True)
class TargetRow:
    """A target. `host` is all that is shown of its address; `filters` are the names that it is limited to, by kind.

    `dead` deliveries were given up, `held` ones wait until it is enabled.
    """

    name: str
    host: str
    format: str
    signed: bool
    disabled: bool
    paused_until: float | None
    pending: int
    delivered: int
    dead: int
    held: int
    filters: Sequence[tuple[str, Sequence[str]]] = ()
    trial: TrialView | None = None


@dataclass(frozen=True)
class DeliveryRow:
    """A row of the log. `leaks` are ids and places; `next_attempt` is None where there is none to come."""

    id: int
    status: str
    type: str
    target: str
    service: str
    environment: str
    leaks: Sequence[tuple[str, str]]
    created: float
    attempts: int
    next_attempt: float | None
    status_code: int | None
    latency_s: float | None
    error: str | None
    answer: str | None
    replayable: bool


@dataclass(frozen=True)
class AlertsPage:
    """Targets and the log, from `before` (a delivery's id) on; `older` begins the next page.

    `status` is the one that the log is limited to, empty for all.
    """

    now: float
    targets: Sequence[TargetRow]
    deliveries: Sequence[DeliveryRow] = field(default_factory=tuple)
    before: int | None = None
    older: int | None = None
    status: str = ""


FORMATS = {"generic": "Standard Webhooks", "alertmanager": "Alertmanager", "slack": "Slack", "pagerduty": "PagerDuty"}
NOTICES = {
    "leak.firing": "Leak",
    "leak.resolved": "Resolved",
    "leak.test": "Test",
    "check.firing": "Check failed",
    "check.resolved": "Check passes",
}
_SEVERAL = {
    "leak.firing": "leak",
    "leak.resolved": "resolved leak",
    "leak.test": "test",
    "check.firing": "failed check",
    "check.resolved": "passing check",
}
DELIVERY_STATES = {
    "pending": State("Waiting", "To be sent, or to be tried again", "ended", "warn"),
    "delivered": State("Delivered", "The target took it", "resolved", "good"),
    "dead": State("Dead", "Given up after the last attempt", "missing", "bad"),
    "disabled": State("Held back", "The target said that it's gone; a replay or a test enables it", "muted", "bad"),
}
TRIAL_STATES = {
    True: State("Test passed", "It took both notices", "resolved", "good"),
    False: State("Test failed", "It didn't take both notices", "missing", "bad"),
}


def target_state(target: TargetRow) -> State:
    """How a target fares."""
    if target.disabled:
        return State("Disabled", "It answered 410 Gone; a test that passes enables it", "muted", "bad")
    if target.paused_until is not None:
        return State("Paused", "It asked to be left alone for a while", "ended", "warn")
    if target.dead:
        return State("Dead letters", "Some alerts were given up; replay them below", "missing", "bad")
    if target.pending:
        return State("Waiting", "Alerts wait to be sent, or to be tried again", "ended", "warn")
    return State("Ready", "Nothing waits and nothing was given up", "resolved", "good")


def target_counts(target: TargetRow) -> str:
    """What has become of a target's deliveries: `12 delivered, 1 dead`."""
    counts = (
        (target.delivered, "delivered"),
        (target.pending, "waiting"),
        (target.dead, "dead"),
        (target.held, "held back"),
    )
    return ", ".join(f"{number:,}{NBSP}{word}" for number, word in counts if number) or "nothing sent yet"


def alerts_verdict(page: AlertsPage) -> Verdict:
    """The page in one sentence."""
    dead = sum(target.dead + target.held for target in page.targets)
    waiting = sum(target.pending for target in page.targets)
    aside = f"{plural(waiting, 'alert')} waiting" if waiting else ""
    if not page.targets:
        return Verdict("Nobody is told", "", State("Silent", "No webhook is configured", "muted", "warn"))
    if dead:
        return Verdict(f"{plural(dead, 'alert')} didn't arrive", aside, DELIVERY_STATES["dead"])
    if waiting:
        return Verdict(aside, "", DELIVERY_STATES["pending"])
    return Verdict("All alerts arrived", "", DELIVERY_STATES["delivered"])


def latency_text(seconds: float) -> str:
    """A latency: `12 ms`, `1.4 s`."""
    if not math.isfinite(seconds):
        return MISSING
    return f"{seconds * 1000:.0f}{NBSP}ms" if seconds < 0.9995 else f"{seconds:.1f}{NBSP}s"


def told(row: DeliveryRow) -> str:
    """What a delivery tells, without where: `4 leaks`."""
    return plural(len(row.leaks), _SEVERAL[row.type]) if len(row.leaks) > 1 else NOTICES[row.type]


def alerts_url(before: int | None = None, status: str = "") -> str:
    """The address of the page, or of an older part of its log, or of those deliveries of it that are in a state."""
    query = {"status": status} if status else {}
    query |= {"before": str(before)} if before is not None else {}
    return f"/alerts?{urlencode(query)}" if query else "/alerts"


def alert_action_url(*parts: str | int) -> str:
    """The address of something to do: `/alerts/targets/ops/test`."""
    return "/".join(("/alerts", *(quote(str(part), safe="", errors="replace") for part in parts)))
