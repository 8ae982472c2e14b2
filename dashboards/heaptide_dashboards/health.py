"""The collector's own health: its plain data, and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from heaptide_dashboards.format import MISSING, NBSP, count_text, plural
from heaptide_dashboards.sentences import State, Verdict

# A job is late when this many of its intervals have passed since it last began: one may still run or wait its turn.
LATE_INTERVALS = 3.0
LATE_AT_LEAST_S = 5.0
# The agent's budget of CPU; see `heaptide.budget`.
COSTLY_SHARE = 0.02


@dataclass(frozen=True)
class JobRow:
    """A job; times are seconds since the epoch, None where it has not run yet."""

    name: str
    interval_s: float
    last_started: float | None
    last_succeeded: float | None
    last_seconds: float | None
    failures: int
    failing: bool


@dataclass(frozen=True)
class KeptRow:
    """One kind of data: how many rows there are, how long they are kept, and from when the oldest is."""

    name: str
    rows: int
    kept_s: float
    oldest: float | None


@dataclass(frozen=True)
class CostRow:
    """What the agents of a service cost, over its living workers; None where none tells."""

    service: str
    environment: str
    workers: int
    cpu_share: float | None
    highest_cpu_share: float | None
    held_bytes: float | None
    longest_hold_s: float | None
    dropped_reports: int
    errors: int


@dataclass(frozen=True)
class HealthPage:
    """The collector. `problem` says why it can't write, empty where it can; `reports` counts by what became of them.

    `waiting` buckets are still to be made of what came in; the oldest began at `waiting_since`.
    """

    now: float
    started_at: float
    version: str
    store_bytes: int
    free_bytes: int | None
    problem: str
    waiting: int
    waiting_since: float | None
    jobs: Sequence[JobRow] = field(default_factory=tuple)
    kept: Sequence[KeptRow] = field(default_factory=tuple)
    costs: Sequence[CostRow] = field(default_factory=tuple)
    reports: Sequence[tuple[str, int]] = field(default_factory=tuple)


JOB_STATES = {
    "good": State("On time", "Ran when it should", "resolved", "good"),
    "waiting": State("Not yet", "Hasn't run since the start", "ended", "calm"),
    "late": State("Late", "Should have run by now", "suspect", "warn"),
    "failing": State("Failing", "Its last run failed; it's tried again", "missing", "bad"),
}
JOBS = {
    "reap": "ends workers that went silent",
    "rollup": "sums up closed buckets",
    "retention": "drops what is past its time",
    "trends": "judges what grows",
    "repeat": "tells again of open leaks",
    "checks": "tells what else fails in production",
    "diagnosis": "asks workers what holds a leak",
    "delivery": "sends alerts",
}
OUTCOMES = {
    "accepted": "stored",
    "repeated": "came twice, counted once",
    "gap": "began anew after a gap",
    "refused": "couldn't be read",
}


def job_state(job: JobRow, now: float) -> str:
    """The key in `JOB_STATES` of a job."""
    if job.failing:
        return "failing"
    if job.last_started is None:
        return "waiting"
    patience_s = max(LATE_INTERVALS * job.interval_s, LATE_AT_LEAST_S) + (job.last_seconds or 0.0)
    return "late" if now - job.last_started > patience_s else "good"


def health_verdict(page: HealthPage) -> Verdict:
    """The collector in one sentence."""
    if page.problem:
        return Verdict("Nothing can be stored", page.problem, JOB_STATES["failing"])
    states = {job.name: job_state(job, page.now) for job in page.jobs}
    for key, words in (("failing", "failing"), ("late", "late")):
        if names := [name for name, state in states.items() if state == key]:
            return Verdict(f"{plural(len(names), 'job')} {words}", ", ".join(names), JOB_STATES[key])
    dropped = sum(row.dropped_reports for row in page.costs)
    aside = f"{plural(dropped, 'report')} merged away by agents that couldn't reach it" if dropped else ""
    return Verdict("All is well", aside, JOB_STATES["good"])


def milliseconds_text(seconds: float | None) -> str:
    """A short time: `0.4 ms`, `12 ms`, `1.4 s`."""
    if seconds is None:
        return MISSING
    if seconds >= 0.9995:
        return f"{seconds:.1f}{NBSP}s"
    return f"{seconds * 1000:.1f}{NBSP}ms" if seconds < 0.01 else f"{count_text(seconds * 1000)}{NBSP}ms"
