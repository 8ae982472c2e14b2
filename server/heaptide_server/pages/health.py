"""The collector's own page: its store, its jobs, and what the agents cost."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from heaptide_dashboards import render
from heaptide_dashboards.health import CostRow, HealthPage, JobRow, KeptRow
from heaptide_server.jobs import JobReport
from heaptide_server.model import StoreContents, Worker
from heaptide_server.pages.problems import PageRoute
from heaptide_server.store.protocol import Store, StoreUnavailable


def router(
    store: Store,
    path: Path,
    jobs: Callable[[], Sequence[JobReport]],
    reports: Callable[[], dict[str, int]],
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """The page's route.

    Args:
        path: the store's file, whose disk may fill up.
        jobs: what the jobs did last.
        reports: how many reports came since the start, by what became of them.
        clock: seconds since the epoch.
    """
    routes = APIRouter(default_response_class=HTMLResponse, route_class=PageRoute, include_in_schema=False)
    started_at = clock()

    @routes.get("/health")
    def health() -> str:
        now = clock()
        contents = store.contents()
        page = HealthPage(
            now=now,
            started_at=started_at,
            version=version("heaptide"),
            store_bytes=store.size_bytes(),
            free_bytes=_free_bytes(path),
            problem=_problem(store, now),
            waiting=contents.waiting,
            waiting_since=contents.waiting_since,
            jobs=[JobRow(*job) for job in jobs()],
            kept=_kept(contents),
            costs=_costs(store, now),
            reports=list(reports().items()),
        )
        return render.health_html(page)

    return routes


def _problem(store: Store, now: float) -> str:
    try:
        store.check(now)
    except StoreUnavailable as error:
        return str(error)
    return ""


def _free_bytes(path: Path) -> int | None:
    try:
        return shutil.disk_usage(path.absolute().parent).free
    except OSError:
        return None


def _kept(contents: StoreContents) -> list[KeptRow]:
    return [KeptRow(one.name, one.rows, one.kept_s, one.oldest) for one in contents.kept]


def _costs(store: Store, now: float) -> list[CostRow]:
    rows = []
    for summary in store.services(now):
        living = store.living(summary.service, summary.environment)
        if living:
            rows.append(_cost_row(summary.service, summary.environment, living))
    return sorted(rows, key=lambda row: -(row.highest_cpu_share or 0.0))


def _cost_row(service: str, environment: str, living: Sequence[Worker]) -> CostRow:
    shares = [share for worker in living if (share := _cpu_share(worker)) is not None]
    held = [worker.agent["held_bytes"] for worker in living if "held_bytes" in worker.agent]
    holds = [worker.agent["longest_hold_s"] for worker in living if "longest_hold_s" in worker.agent]
    return CostRow(
        service=service,
        environment=environment,
        workers=len(living),
        cpu_share=fmean(shares) if shares else None,
        highest_cpu_share=max(shares, default=None),
        held_bytes=fmean(held) if held else None,
        longest_hold_s=max(holds, default=None),
        dropped_reports=int(sum(worker.agent.get("dropped_reports", 0) for worker in living)),
        errors=int(sum(worker.agent.get("errors", 0) for worker in living)),
    )


def _cpu_share(worker: Worker) -> float | None:
    lived_s, cpu_s = worker.last_seen - worker.identity.started_at, worker.agent.get("cpu_s")
    return cpu_s / lived_s if cpu_s is not None and lived_s > 0 else None
