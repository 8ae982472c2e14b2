"""Workers times resident set against the memory limit that they share."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.guards import server_of
from heaptide_server.checks.reading import by_host, living, names

NEAR = 0.9  # of the limit
SAFE = 0.8  # the same share that the leaks' own advice leaves


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """One finding for the host whose workers need most of their limit, where that is too much."""
    needs = [(_share(alive), alive) for alive in by_host(living(workers)).values()]
    worst = max(((share, alive) for share, alive in needs if share is not None), key=lambda need: need[0], default=None)
    return [_finding(*worst)] if worst and worst[0] >= NEAR else []


def _share(alive: list[WorkerFacts]) -> float | None:
    """The part of the limit that all workers take when each is at its own peak."""
    limits = [limit for one in alive if (limit := one.worker.vitals.get("limit_bytes"))]
    own = [_peak(one) for one in alive]
    return sum(own) / min(limits) if limits and all(own) else None


def _peak(one: WorkerFacts) -> float:
    """A worker's largest resident set, less what it shares with the others of its fork."""
    vitals = one.worker.vitals
    peak, now, proportional = (vitals.get(name) or 0.0 for name in ("peak_rss_bytes", "rss_bytes", "pss_bytes"))
    return max(peak, now) - max(now - proportional, 0.0) if proportional else max(peak, now)


def _finding(share: float, alive: list[WorkerFacts]) -> Finding:
    limit = min(limit for one in alive if (limit := one.worker.vitals.get("limit_bytes")))
    peaks = [_peak(one) for one in alive]
    mean = sum(peaks) / len(peaks)
    fitting = int(SAFE * limit / mean)
    now = sum(one.worker.vitals.get("rss_bytes") or 0.0 for one in alive)
    sum_of_it = f"{SAFE:.0%} of {_mib(limit)} / {_mib(mean)} = {fitting}"
    fix = f"Run {fitting} here ({sum_of_it}):\n\n    {server_of(alive[0])} --workers {fitting} ..."
    if fitting < 1:
        fix = f"One worker alone needs {_mib(mean)}, more than {SAFE:.0%} of the limit."
    return Finding(
        kind="memory-overcommitted",
        severity="critical" if share > 1 else "warning",
        title=f"{_together(len(alive))} {share:.0%} of the memory limit of {_mib(limit)}.",
        evidence=(
            f"{len(alive)} x {_mib(mean)} (mean of each worker's largest resident set, less shared "
            f"pages) = {_mib(sum(peaks))}.",
            f"The limit is {_mib(limit)}; resident now: {_mib(now)}.",
            "When all of them are at their peaks at once, the kernel kills one.",
        ),
        fix=f"{fix}\n\nOr raise the limit to {_mib(sum(peaks) / SAFE)}.",
        workers=names(alive),
    )


def _together(count: int) -> str:
    return "The worker at its peak takes" if count == 1 else f"{count} workers at their peaks take"


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"
