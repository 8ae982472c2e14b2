"""Slow growth: leaks without recycling, and the rooms that look for what never ends growing or is never closed."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_server.checks import clients, closing, garbage, snippets, unbounded
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.guards import master_restarts, server_of
from heaptide_server.checks.memory import SAFE
from heaptide_server.checks.reading import living, names, number, told
from heaptide_server.model import Leak


def find(workers: Sequence[WorkerFacts], leaks: Sequence[Leak], limit_bytes: float | None) -> list[Finding]:
    """What grows slowly.

    Args:
        workers: the service's.
        leaks: the service's; those that are open count.
        limit_bytes: the memory limit, None where there is none.
    """
    alive = living(workers)
    found = [*clients.find(alive), *unbounded.find(alive), *closing.find(alive), *garbage.find(alive)]
    return _recycling(alive, leaks, limit_bytes) + found


def _recycling(alive: list[WorkerFacts], leaks: Sequence[Leak], limit_bytes: float | None) -> list[Finding]:
    """Open leaks in workers that live for ever."""
    advised = [leak for leak in leaks if leak.status == "open" and _advised(leak)]
    kept = [one for one in alive if _never_recycled(one)]
    if not advised or not kept:
        return []
    leak = min(advised, key=_advised)
    most, server = _advised(leak), server_of(kept[0])
    jitter = (leak.advice.jitter if leak.advice else None) or max(1, most // 10)
    share_mib = int(SAFE * limit_bytes / len(alive) / 2**20) if limit_bytes else None
    under = f" of the limit of {limit_bytes / 2**20:,.0f} MiB" if limit_bytes else ""
    return [
        Finding(
            kind="no-recycling",
            severity="warning",
            title=f"{_place(leak)} leaks {_rate(leak)}, and no worker is ever recycled.",
            evidence=(
                leak.evidence or "The leak is open.",
                f"{server} is told no number of requests, and no resident set, after which a worker is recycled.",
                f"From the growth per request, {most:,} requests (and up to {jitter:,} more, so that workers don't "
                f"restart together) keep a worker below its share{under}.",
            ),
            fix=f"Until the leak is fixed, recycle workers:\n\n"
            f"    {snippets.recycling(server, most, jitter, master_restarts(kept[0]), share_mib)}",
            workers=names(kept),
        )
    ]


def _advised(leak: Leak) -> int:
    return (leak.advice.max_requests if leak.advice else None) or 0


def _never_recycled(one: WorkerFacts) -> bool:
    """Whether its server was asked, and recycles nothing."""
    facts = told(one, "supervisor")
    if server_of(one) == "granian":
        return "workers" in facts and not number(facts, "max_rss_mib") and not number(facts, "lifetime_s")
    return "workers" in facts and not number(facts, "max_requests")


def _place(leak: Leak) -> str:
    top = leak.site.top if leak.site else None
    return f"{top.file}:{top.line}" if top else leak.type_name or "native memory"


def _rate(leak: Leak) -> str:
    if leak.bytes_per_request:
        return f"{leak.bytes_per_request:,.0f} bytes a request"
    return f"{leak.bytes_per_hour / 2**20:,.1f} MiB an hour"
