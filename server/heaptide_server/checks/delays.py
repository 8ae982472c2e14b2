"""An event loop that is late though no call of its own blocks it: too much to do, no CPU, or the GIL held elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from heaptide_server.checks import remedies
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.reading import names, number, told, watched_s

# Once or twice is a start-up: a model that is loaded, modules that are imported. From then on it is a habit.
LEAST_STALLS = 3
CRITICAL_SHARE = 0.1  # of the time: every tenth request finds nobody at home
WARNING_SHARE = 0.01


class _Delay(NamedTuple):
    """One way to be late; `seconds` and `counted` name what the probe counts of it, `share` stands in the title."""

    kind: str
    seconds: str
    counted: str
    title: str
    evidence: str
    fix: str


_DELAYS = (
    _Delay(
        "loop-crowded",
        "crowded_s",
        "crowded",
        "The event loop is late for {share:.1%} of the time, though no single call blocks it: a worker has more to do "
        "than it can.",
        "late {times:,.0f} times by over 50 ms.",
        "Start more workers, up to one a CPU, or take work out of the requests:\n\n"
        "    gunicorn -k uvicorn_worker.UvicornWorker -w 4 ...",
    ),
    _Delay(
        "loop-without-cpu",
        "starved_s",
        "starved",
        "The event loop waits for a CPU for {share:.1%} of the time: others have it, or the quota is spent.",
        "{times:,.0f} times for over 50 ms.",
        "Give the service more CPU, or start fewer workers and threads than there are CPUs.",
    ),
    _Delay(
        "gil-held",
        "held_s",
        "held_count",
        "A thread holds the GIL for {share:.1%} of the time, and nothing else in the worker can run.",
        "{times:,.0f} times for over 50 ms.",
        "A call into C that doesn't release the GIL (a regular expression, a large sort or dump) belongs into "
        f"another process:\n\n{remedies.PROCESS_POOL.format(function='function')}",
    ),
)


def find(alive: Sequence[WorkerFacts]) -> Iterator[Finding]:
    """A finding for each way in which some of these workers are late."""
    for delay in _DELAYS:
        if found := _late(alive, delay):
            share = max(share for _, share, _ in found)
            yield Finding(
                kind=delay.kind,
                severity="critical" if share >= CRITICAL_SHARE else "warning",
                title=delay.title.format(share=share),
                evidence=tuple(f"{names([one])[0]}: {delay.evidence.format(times=times)}" for one, _, times in found),
                fix=delay.fix,
                workers=names(one for one, _, _ in found),
            )


def _late(alive: Sequence[WorkerFacts], delay: _Delay) -> list[tuple[WorkerFacts, float, float]]:
    """Workers that are late for over a hundredth of the time, that share, and how often."""
    found = []
    for one in alive:
        facts = told(one, "blocking")
        share, times = (number(facts, delay.seconds) or 0.0) / watched_s(one), number(facts, delay.counted) or 0.0
        if share >= WARNING_SHARE and times >= LEAST_STALLS:
            found.append((one, share, times))
    return found
