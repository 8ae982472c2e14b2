"""Leaks, sites and workers as the rows of tables."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_dashboards.views import FrameView, LeakRow, SiteRow, WorkerRow
from heaptide_server.model import Leak, Site, SiteGrowth, Worker

# Ended workers tell of the last restarts; more of them would bury the living.
ENDED_SHOWN = 10
# A page of hundreds is read by nobody; each can be chosen by its slot.
LIVING_SHOWN = 40


def place(site: Site | None) -> tuple[str, str]:
    """A site's `file:line` and function; its file is "(other)" where the stack has no frames."""
    top = site.top if site else None
    return (f"{top.file}:{top.line}", top.function) if top else ("(other)", "")


def leak_row(leak: Leak) -> LeakRow:
    """A leak in a list."""
    where, title = place(leak.site) if leak.kind == "site" else ("", leak.type_name or "native memory")
    return LeakRow(
        id=leak.id,
        status=leak.status,
        kind=leak.kind,
        title=title,
        where=where,
        bytes_per_hour=leak.bytes_per_hour,
        bytes_per_request=leak.bytes_per_request,
        live_bytes=leak.live_bytes,
        workers=leak.workers,
        generations=leak.generations,
        confidence=leak.confidence,
        first_seen=leak.first_seen,
        last_seen=leak.last_seen,
        release=leak.release,
    )


def site_row(growth: SiteGrowth, leak_ids: dict[int, str]) -> SiteRow:
    """A site in the list of growth; `leak_ids` has the leaks by the store's site id."""
    where, function = place(growth.site)
    top = growth.site.top
    return SiteRow(
        where=where,
        function=function,
        in_app=top is not None and top.in_app,
        growth_bytes=growth.growth_bytes,
        live_bytes=growth.live_bytes,
        leak_id=leak_ids.get(growth.site.id),
        id=growth.site.id,
    )


def frame_views(site: Site | None) -> list[FrameView]:
    """The whole stack, allocation first."""
    frames = site.frames if site else ()
    return [FrameView(frame.file, frame.function, frame.line, frame.in_app) for frame in frames]


def worker_rows(workers: Sequence[Worker]) -> list[WorkerRow]:
    """The living by slot, then the latest of those that ended."""
    living = [worker for worker in workers if worker.ended_at is None]
    ended = sorted((worker for worker in workers if worker.ended_at is not None), key=lambda worker: -worker.last_seen)
    return [_worker_row(worker) for worker in living[:LIVING_SHOWN] + ended[:ENDED_SHOWN]]


def all_worker_rows(workers: Sequence[Worker]) -> list[WorkerRow]:
    """All of them, in their order."""
    return [_worker_row(worker) for worker in workers]


def _worker_row(worker: Worker) -> WorkerRow:
    lived_s = worker.last_seen - worker.identity.started_at
    cpu_s = worker.agent.get("cpu_s")
    return WorkerRow(
        slot=worker.slot,
        generation=worker.generation,
        pid=worker.identity.pid,
        host=worker.identity.host,
        state="alive" if worker.ended_at is None else "missing" if worker.end_reason == "missing" else "ended",
        rss_bytes=worker.vitals.get("rss_bytes"),
        requests=worker.requests,
        started_at=worker.identity.started_at,
        last_seen=worker.last_seen,
        release=worker.identity.release,
        tracer=str(worker.tracer.get("name", "")),
        agent_cpu_share=cpu_s / lived_s if cpu_s is not None and lived_s > 0 else None,
    )
