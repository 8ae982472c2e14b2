"""What the pages say in words: verdicts, states, and the order in which leaks are worth reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heaptide_dashboards.format import NBSP, ahead_text, per_hour_text, plural
from heaptide_dashboards.views import LeakRow, Outlook, ServicePage, ServiceRow


@dataclass(frozen=True)
class State:
    """How a state is shown: `icon` is a shape of its own, so that colour is never alone in telling it."""

    word: str
    meaning: str
    icon: str
    tone: str


LEAK_STATES = {
    "open": State("Leak", "Grows without a bound in sight", "open", "bad"),
    "suspect": State("Suspect", "Rising, but the evidence isn't enough yet", "suspect", "warn"),
    "filling": State("Filling", "Rises ever slower: a cache on its way to its capacity", "filling", "calm"),
    "muted": State("Muted", "Known, and kept quiet by somebody", "muted", "calm"),
    "resolved": State("Resolved", "No longer grows, or was closed by somebody", "resolved", "good"),
}
WORKER_STATES = {
    "alive": State("alive", "Reports as it should", "resolved", "good"),
    "ended": State("ended", "Said goodbye in good order", "ended", "calm"),
    "missing": State("missing", "Went silent without a last report", "missing", "bad"),
}
# States that ask for a look; the rest is folded away below them.
WAKEFUL = ("open", "suspect", "filling")


@dataclass(frozen=True)
class Verdict:
    """One sentence about a service, what stands beside it, and how alarming it is."""

    text: str
    aside: str
    state: State


def service_verdict(row: ServiceRow, now: float) -> Verdict:
    """What is known of a service in a sentence: `2 leaks, +14.2 MiB/h a worker, out of memory in about 6 h 20 min`."""
    left_s = None if row.exhausted_at is None else row.exhausted_at - now
    return _verdict(row.open_leaks, row.suspects, row.bytes_per_hour, row.workers, left_s)


def page_verdict(page: ServicePage) -> Verdict:
    """The same sentence for a service's own page."""
    leaking = [leak for leak in page.leaks if leak.status == "open"]
    suspects = sum(leak.status == "suspect" for leak in page.leaks)
    growth = sum(leak.bytes_per_hour for leak in leaking) if leaking else None
    left_s = page.outlook.exhausted_at - page.now if page.outlook else None
    return _verdict(len(leaking), suspects, growth, page.alive, left_s)


def outlook_text(outlook: Outlook, now: float) -> str:
    """When the memory limit is reached, within its interval: `full in about 6 h 20 min (4 h to 11 h)`."""
    soonest = ahead_text(max(outlook.low - now, 60))
    latest = "perhaps never" if outlook.high is None else ahead_text(max(outlook.high - now, 60))
    return f"full in about {ahead_text(max(outlook.exhausted_at - now, 60))} ({soonest} to {latest})"


def _verdict(
    open_leaks: int, suspects: int, bytes_per_hour: float | None, workers: int, left_s: float | None
) -> Verdict:
    watched = f"{plural(suspects, 'suspect')} being watched" if suspects else ""
    if open_leaks:
        text = plural(open_leaks, "leak")
        if bytes_per_hour is not None:
            each = f"{NBSP}a worker" if workers > 1 else ""
            text += f", {per_hour_text(bytes_per_hour / max(workers, 1))}{each}"
        if left_s is not None:
            text += f", out of memory in about {ahead_text(left_s)}" if left_s > 0 else ", about out of memory"
        return Verdict(text, watched, LEAK_STATES["open"])
    if suspects:
        return Verdict(f"{plural(suspects, 'suspect')}, no leak proven", "", LEAK_STATES["suspect"])
    if not workers:
        return Verdict("No worker is reporting", "", State("Silent", "No worker is reporting", "muted", "calm"))
    return Verdict("No leak found", "", State("Healthy", "Nothing grows without a bound", "resolved", "good"))


def by_alarm(rows: Sequence[ServiceRow]) -> list[ServiceRow]:
    """Services that leak first, by growth; then those under suspicion, then the others by name."""
    return sorted(
        rows, key=lambda row: (not row.open_leaks, -(row.bytes_per_hour or 0.0), not row.suspects, row.service)
    )


def ranked(leaks: Sequence[LeakRow]) -> tuple[list[LeakRow], list[LeakRow]]:
    """Leaks that ask for a look and those at rest, each by state, then by growth times confidence, most first."""
    order = list(LEAK_STATES)
    rows = sorted(leaks, key=lambda leak: (order.index(leak.status), -leak.bytes_per_hour * leak.confidence))
    return [leak for leak in rows if leak.status in WAKEFUL], [leak for leak in rows if leak.status not in WAKEFUL]
