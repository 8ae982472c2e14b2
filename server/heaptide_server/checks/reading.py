"""Reads facts that came over the network: a value of the wrong kind counts as not told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from heaptide_server.checks.finding import WorkerFacts

RECENT_S = 86400.0  # as long as a worker's end is told, see `checkup.WINDOW_S`


def told(one: WorkerFacts, probe: str) -> dict[str, Any]:
    """What a probe told; empty where it told nothing."""
    return one.facts.get(probe, {})


def number(facts: object, name: str) -> float | None:
    """A number by its name; None where it isn't one."""
    value = facts.get(name) if isinstance(facts, dict) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def text(facts: object, name: str) -> str | None:
    """A text by its name; None where it isn't one."""
    value = facts.get(name) if isinstance(facts, dict) else None
    return value if isinstance(value, str) else None


def flag(facts: object, name: str) -> bool | None:
    """A yes or no by its name; None where it is neither."""
    value = facts.get(name) if isinstance(facts, dict) else None
    return value if isinstance(value, bool) else None


def rows(facts: object, name: str) -> list[dict[str, Any]]:
    """A list of objects by its name; what is none of them is left out."""
    value = facts.get(name) if isinstance(facts, dict) else None
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def is_old(facts: object, name: str, one: WorkerFacts) -> bool:
    """Whether a time that a worker told, in seconds since the epoch, is over a day before it was last heard of.

    What is counted over its life would else be found for as long as it lives. False where no time is told, as by older
    agents.
    """
    at = number(facts, name)
    return at is not None and one.worker.last_seen - at > RECENT_S


def living(workers: Iterable[WorkerFacts]) -> list[WorkerFacts]:
    """Those that haven't ended."""
    return [one for one in workers if one.worker.ended_at is None]


def names(workers: Iterable[WorkerFacts]) -> tuple[str, ...]:
    """Workers as a finding names them."""
    return tuple(f"{one.worker.identity.host} pid {one.worker.identity.pid}" for one in workers)


def by_host(workers: Iterable[WorkerFacts]) -> dict[str, list[WorkerFacts]]:
    """Workers by the host or container that they share."""
    found: dict[str, list[WorkerFacts]] = {}
    for one in workers:
        found.setdefault(one.worker.identity.host, []).append(one)
    return found


def now_of(workers: Sequence[WorkerFacts]) -> float:
    """The last time that anything was heard, which is as good as now; 0 without workers."""
    return max((one.worker.ended_at or one.worker.last_seen for one in workers), default=0.0)


def watched_s(one: WorkerFacts) -> float:
    """Seconds for which a worker was heard of, at least one interval."""
    return max(one.worker.last_seen - one.worker.first_seen, one.worker.identity.interval_s)
