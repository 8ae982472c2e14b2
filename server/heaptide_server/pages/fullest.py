"""Which host is nearest to its memory limit, and when it gets there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heaptide_dashboards.views import Outlook
from heaptide_server.model import Leak, Worker


@dataclass(frozen=True)
class Host:
    """A host's living workers of a service, under the limit that they share."""

    name: str
    workers: int
    rss_bytes: float
    limit_bytes: float | None


def fullest_host(workers: Sequence[Worker]) -> Host | None:
    """The host whose workers together are nearest to their limit; without limits, the one that uses most."""
    by_name: dict[str, list[Worker]] = {}
    for worker in workers:
        if worker.ended_at is None:
            by_name.setdefault(worker.identity.host, []).append(worker)
    hosts = [_host(name, living) for name, living in by_name.items()]
    return max(
        hosts, key=lambda host: (host.rss_bytes / (host.limit_bytes or float("inf")), host.rss_bytes), default=None
    )


def outlook_of(leaks: Iterable[Leak]) -> Outlook | None:
    """The nearest exhaustion that open leaks foretell."""
    told = [leak.forecast for leak in leaks if leak.status == "open" and leak.forecast]
    nearest = min(told, key=lambda forecast: forecast.exhausted_at, default=None)
    return Outlook(nearest.limit_bytes, nearest.exhausted_at, nearest.low, nearest.high) if nearest else None


def _host(name: str, living: Sequence[Worker]) -> Host:
    limits = [limit for worker in living if (limit := worker.vitals.get("limit_bytes")) is not None]
    rss = sum(worker.vitals.get("rss_bytes") or 0.0 for worker in living)
    return Host(name, len(living), rss, min(limits, default=None))
