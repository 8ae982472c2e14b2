"""What workers found of a leak, and what resident sets are made of, as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heaptide_dashboards.format import count_text
from heaptide_dashboards.views import DiagnosisView, ExcerptView, HopView, PathView, ResidentRow
from heaptide_server.model import Leak, Request, Resident, RetentionPath, Worker
from heaptide_server.store.diagnoses import AGES

# As many as a page shows at a glance; the largest resident sets tell most.
WORKERS_SHOWN = 16
_AGE_LABELS = ("under 1 min", "1 to 5 min", "5 to 30 min", "30 min to 2 h", "over 2 h")


def diagnosis_view(
    leak: Leak, pending: Sequence[Request], workers: Mapping[int, Worker], can_ask: bool
) -> DiagnosisView:
    """What is known of why a leak leaks, and who is being asked.

    Args:
        pending: requests that wait for an answer, newest first.
        workers: those of the requests, by the store's id.
        can_ask: whether some living worker's tracer could tell.
    """
    told = leak.diagnosis
    found = told.findings if told else None
    asked = workers.get(pending[0].worker_id or 0) if pending else None
    return DiagnosisView(
        status=told.status if told else "",
        reason=(told.reason or "") if told else "",
        at=told.at if told else 0.0,
        worker=f"pid {told.pid} on {told.host}" if told else "",
        found_at=found.at if found else None,
        ages=[(label, found.ages[name]) for name, label in zip(AGES, _AGE_LABELS, strict=True)]
        if found and found.ages
        else [],
        paths=[_path_view(path) for path in found.paths] if found else [],
        garbage_share=found.garbage_share if found else None,
        asked=f"Worker {asked.slot}, pid {asked.identity.pid} on {asked.identity.host}" if asked else "",
        asked_at=pending[0].at if pending else 0.0,
        can_ask=can_ask,
    )


def type_shares(leak: Leak) -> list[tuple[str, float | None]]:
    """The types of what leaks and their shares; the name alone where no worker has looked."""
    if leak.diagnosis and leak.diagnosis.findings and leak.diagnosis.findings.types:
        return list(leak.diagnosis.findings.types)
    return [(leak.type_name, None)] if leak.type_name else []


def excerpt_views(leak: Leak) -> list[ExcerptView]:
    """Source around frames of the stack that the page shows, in the stack's order; a leak may have several stacks."""
    found = leak.diagnosis.findings if leak.diagnosis else None
    by_place = {(one.file, one.line): one for one in found.excerpts} if found else {}
    frames = dict.fromkeys((frame.file, frame.line) for frame in (leak.site.frames if leak.site else ()))
    return [ExcerptView(**vars(by_place[frame])) for frame in frames if frame in by_place]


def resident_rows(workers: Sequence[Worker], parts: Mapping[int, Resident]) -> list[ResidentRow]:
    """A row a living worker, the largest first."""
    hosts = {worker.identity.host for worker in workers}
    rows = [
        resident_row(_worker_name(worker, len(hosts) > 1), parts[worker.id]) for worker in workers if worker.id in parts
    ]
    return sorted(rows, key=lambda row: -(row.rss_bytes or 0.0))[:WORKERS_SHOWN]


def resident_row(name: str, part: Resident) -> ResidentRow:
    """A row of this name."""
    return ResidentRow(
        name=name,
        rss_bytes=part.rss_bytes,
        python_bytes=part.python_bytes,
        python_error_bytes=part.python_error_bytes,
        malloc_free_bytes=part.malloc_free_bytes,
        pymalloc_free_bytes=part.pymalloc_free_bytes,
        native_bytes=part.native_bytes,
        garbage_bytes=part.garbage_bytes,
        garbage_error_bytes=part.garbage_error_bytes,
    )


def _worker_name(worker: Worker, many_hosts: bool) -> str:
    return f"{worker.identity.host}, worker {worker.slot}" if many_hosts else f"worker {worker.slot}"


def _path_view(path: RetentionPath) -> PathView:
    most = f", at most {count_text(path.bound.maxsize)}" if path.bound and path.bound.maxsize is not None else ""
    return PathView(
        count=path.count,
        hops=[HopView(hop.name, hop.type, hop.length, hop.bound) for hop in path.hops],
        bound=f"{path.bound.kind}{most}" if path.bound else "",
        held_from_c=path.held_from_c,
    )
