"""How workers died: killed for want of memory, silent before they were replaced, or without a word.

A worker that ends in good order says so in its last report. One that doesn't was killed, crashed in C, or called
`os._exit`: nobody but its parent learns its status. What can be told is told from its neighbours: the kernel's count of
out-of-memory kills before and after, and how long nothing was heard before its successor was started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.guards import master_restarts, server_of
from heaptide_server.checks.reading import names, now_of, number, told

FULL = 0.95  # of the memory limit at the last report: then a death without a word most likely was for want of memory
LATE_S = 2.0  # a report comes this late without anything being wrong
LEAST_TIMEOUT_S = 5.0  # uvicorn's for its workers' health; gunicorn's is 30 s

Cause = Literal["memory", "likely memory", "hung", "unknown"]


@dataclass(frozen=True)
class Death:
    """A worker that ended without a word, and what is known of why."""

    one: WorkerFacts
    cause: Cause
    detail: str


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """Deaths of the last day by cause."""
    dead = deaths(workers)
    findings = [_out_of_memory([death for death in dead if death.cause in ("memory", "likely memory")])]
    findings += [_hung([death for death in dead if death.cause == "hung"])]
    findings += [_died([death for death in dead if death.cause == "unknown"], now_of(workers))]
    return [finding for finding in findings if finding]


def deaths(workers: Sequence[WorkerFacts]) -> list[Death]:
    """Workers that went silent, oldest first, those left out that a whole host's end took along."""
    lost = [one for one in workers if one.worker.end_reason == "missing"]
    return [
        _death(one, workers) for one in sorted(lost, key=lambda one: one.worker.last_seen) if _replaced(one, workers)
    ]


def _replaced(one: WorkerFacts, workers: Sequence[WorkerFacts]) -> bool:
    """Whether its host was heard of afterwards: a host that is gone was taken down, or can't reach the collector."""
    host, last_seen = one.worker.identity.host, one.worker.last_seen
    return any(other.worker.identity.host == host and other.worker.last_seen > last_seen for other in workers)


def _death(one: WorkerFacts, workers: Sequence[WorkerFacts]) -> Death:
    successor = _successor(one, workers)
    if kills := _kills(one, successor, workers):
        return Death(one, "memory", f"the kernel's count of out-of-memory kills rose by {kills:.0f} when it ended")
    used, limit = one.worker.vitals.get("limit_used_bytes"), one.worker.vitals.get("limit_bytes")
    if used and limit and used >= FULL * limit:
        return Death(one, "likely memory", f"{used / limit:.0%} of the memory limit was used at its last report")
    silent_s = _silent_s(one, successor)
    if silent_s is not None:
        return Death(one, "hung", f"it was silent for {silent_s:.0f} s more than an interval before it was replaced")
    return Death(one, "unknown", "it said nothing and its last report was an ordinary one")


def _successor(one: WorkerFacts, workers: Sequence[WorkerFacts]) -> WorkerFacts | None:
    worker = one.worker
    place = (worker.identity.host, worker.slot, worker.generation + 1)
    return next((o for o in workers if (o.worker.identity.host, o.worker.slot, o.worker.generation) == place), None)


def _kills(one: WorkerFacts, successor: WorkerFacts | None, workers: Sequence[WorkerFacts]) -> float:
    """By how much the count rose from this worker's last word to its successor's first, or to its neighbours' last."""
    before = number(told(one, "supervisor"), "oom_kills")
    if before is None:
        return 0.0
    if successor:
        after = [number(told(successor, "supervisor"), "oom_kills_first")]
    else:
        host = one.worker.identity.host
        later = [o for o in workers if o.worker.identity.host == host and o.worker.last_seen > one.worker.last_seen]
        after = [number(told(other, "supervisor"), "oom_kills") for other in later]
    return max((count for count in after if count is not None), default=before) - before


def _silent_s(one: WorkerFacts, successor: WorkerFacts | None) -> float | None:
    """For how long a worker was silent though it wasn't replaced yet; None where that is no longer than reports take.

    A master replaces at once a worker that ends by itself, and after its timeout one that hangs. Silence that lasted
    far longer than that is an outage of the collector, or of the network.
    """
    if successor is None or not master_restarts(one):
        return None
    timeout_s = max(number(told(one, "supervisor"), "timeout_s") or LEAST_TIMEOUT_S, LEAST_TIMEOUT_S)
    silent_s = successor.worker.identity.started_at - one.worker.last_seen - one.worker.identity.interval_s
    return silent_s if LATE_S < silent_s <= 2 * timeout_s + LATE_S else None


def _out_of_memory(dead: list[Death]) -> Finding | None:
    if not dead:
        return None
    sure = sum(death.cause == "memory" for death in dead)
    limit = dead[-1].one.worker.vitals.get("limit_bytes")
    under = f" under a limit of {limit / 2**20:,.0f} MiB" if limit else ""
    were = ("was " if len(dead) == 1 else "were ") + ("" if sure else "most likely ")
    return Finding(
        kind="worker-out-of-memory",
        severity="critical",
        title=f"{_workers(len(dead))} {were}killed for want of memory in the last 24 h{under}.",
        evidence=_told(dead),
        fix="See the leaks of this service first: a leak gets to any limit. If nothing leaks, run fewer workers or "
        "raise the limit. In Kubernetes:\n\n    resources:\n      limits:\n        memory: "
        f"{_next_limit(limit)}\n\nRecycling workers (--max-requests) wins time, and cures nothing.",
        workers=names(death.one for death in dead),
    )


def _hung(dead: list[Death]) -> Finding | None:
    if not dead:
        return None
    one = dead[-1].one
    server = server_of(one)
    timeout_s = number(told(one, "supervisor"), "timeout_s") or LEAST_TIMEOUT_S
    return Finding(
        kind="worker-hung",
        severity="critical",
        title=f"{_workers(len(dead))} went silent before {server} replaced {'it' if len(dead) == 1 else 'them'}: "
        "a worker that holds the GIL is killed as if it had died.",
        evidence=(
            *_told(dead),
            f"{server} kills a worker that doesn't answer it for {timeout_s:.0f} s. The agent's thread was silent "
            "too, so all threads stood still: a call into C held the GIL, or the whole process was stopped.",
        ),
        fix="Find the call that holds the GIL (a huge json.loads, a regular expression that backtracks, an "
        "extension) and put it into a process of its own:\n\n"
        "    with ProcessPoolExecutor() as pool:\n"
        "        await asyncio.get_running_loop().run_in_executor(pool, work, argument)",
        workers=names(death.one for death in dead),
    )


def _died(dead: list[Death], now: float) -> Finding | None:
    if not dead:
        return None
    last_hour = sum(now - death.one.worker.last_seen < 3600 for death in dead)
    return Finding(
        kind="worker-died",
        severity="warning",
        title=f"{_workers(len(dead))} ended without a word in the last 24 h, {last_hour} in the last hour.",
        evidence=(
            *_told(dead),
            "A worker that exits in good order says so in its last report. These were killed (SIGKILL), crashed in C "
            "(SIGSEGV), or called os._exit. The count of out-of-memory kills didn't rise.",
        ),
        fix="The status is in the log of what started them: gunicorn and uvicorn log the signal, systemd has it in "
        "`systemctl status`, Kubernetes in `kubectl describe pod` under Last State. For a crash in C, have Python tell "
        "where it was:\n\n    PYTHONFAULTHANDLER=1",
        workers=names(death.one for death in dead),
    )


def _told(dead: list[Death]) -> tuple[str, ...]:
    newest = list(reversed(dead))[:5]
    rows = [
        f"{death.one.worker.identity.host} pid {death.one.worker.identity.pid}, generation "
        f"{death.one.worker.generation}: {death.detail}."
        for death in newest
    ]
    return (*rows, f"{len(dead) - len(rows)} more.") if len(dead) > len(rows) else tuple(rows)


def _workers(count: int) -> str:
    return "A worker" if count == 1 else f"{count} workers"


def _next_limit(limit: float | None) -> str:
    return f"{-(-limit * 1.5 // 2**26) * 64:.0f}Mi" if limit else "1Gi"
