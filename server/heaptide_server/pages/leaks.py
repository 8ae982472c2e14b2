"""What the leak's page tells beside the leak itself: what becomes of it, and how it grew by release and by life."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_dashboards.prospects import AdviceView, ForecastView
from heaptide_dashboards.views import GenerationGrowth, ReleaseGrowth
from heaptide_server.leaks.fingerprint import place
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.model import Leak, ReleaseTurnover, Worker
from heaptide_server.store.protocol import Store

# As far back as totals are kept by default.
RELEASES_S = 90 * 86400.0
RELEASES_SHOWN = 12
LIVES_SHOWN = 12


def forecast_view(leak: Leak) -> ForecastView | None:
    """When the memory limit is reached."""
    told = leak.forecast
    return ForecastView(told.limit_bytes, told.exhausted_at, told.low, told.high) if told else None


def advice_view(leak: Leak) -> AdviceView | None:
    """What to do until it's fixed."""
    told = leak.advice
    return AdviceView(told.max_requests, told.jitter, told.text) if told else None


def mute_left(leak: Leak) -> float | None:
    """How much each worker may still grow before a muted leak is told; None mutes for good."""
    limit = leak.state.get("mute_limit")
    return None if limit is None else max(0.0, limit - leak.state.get("grown_bytes", 0.0))


def release_growth(store: Store, ledger: Ledger, leak: Leak, now: float) -> list[ReleaseGrowth]:
    """Growth of the leak's line by release and environment, the release that began last first."""
    if leak.site is None:
        return []
    same = {other.environment: other for other in ledger.leaks(leak.service) if _same_line(other, leak)}
    told = store.site_by_release(leak.service, leak.site.id, now - RELEASES_S, now)
    rows = []
    newest: set[str] = set()
    for one in [one for one in told if one.worker_s > 0][:RELEASES_SHOWN]:
        seen = one.seen
        # What the ledger says now is said of the newest release of an environment alone.
        there = same.get(seen.environment) if seen.environment not in newest else None
        newest.add(seen.environment)
        rows.append(_release_row(one, there))
    return rows


def generation_growth(
    store: Store, leak: Leak, workers: Sequence[Worker], now: float, window_s: float
) -> list[GenerationGrowth]:
    """Growth of the leak's line within the lives of some workers, the latest first."""
    if leak.site is None:
        return []
    latest = sorted(workers, key=lambda worker: -worker.identity.started_at)[:LIVES_SHOWN]
    hosts = {worker.identity.host for worker in latest}
    grown = store.site_by_life([worker.id for worker in latest], leak.site.id, now - window_s, now)
    return [
        GenerationGrowth(
            worker=f"{worker.identity.host}, worker {worker.slot}" if len(hosts) > 1 else f"Worker {worker.slot}",
            generation=worker.generation,
            started_at=worker.identity.started_at,
            alive=worker.ended_at is None,
            growth_bytes=grown[worker.id].growth_bytes,
            lived_s=grown[worker.id].lived_s,
            requests=grown[worker.id].requests,
        )
        for worker in latest
        if grown[worker.id].lived_s > 0
    ]


def _same_line(one: Leak, other: Leak) -> bool:
    return bool(one.site and other.site and place(one.site) == place(other.site))


def _release_row(one: ReleaseTurnover, leak: Leak | None) -> ReleaseGrowth:
    return ReleaseGrowth(
        environment=one.seen.environment,
        release=one.seen.release,
        first_seen=one.seen.first_seen,
        last_seen=one.seen.last_seen,
        growth_bytes=one.growth_bytes,
        worker_s=one.worker_s,
        requests=one.requests,
        leak_id=leak.id if leak else None,
        status=leak.status if leak else None,
    )
