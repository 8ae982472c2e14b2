"""Tables as CSV, for a spreadsheet: plain numbers in bytes and seconds, times in ISO 8601."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from heaptide_dashboards.format import iso_text, visible
from heaptide_dashboards.views import FrameView, LeakRow, SiteRow, WorkerRow

Cell = str | int | float | None
# A spreadsheet takes a cell that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

SITES = ("where", "function", "in_app", "growth_bytes", "live_bytes", "leak")
LEAKS = (
    "id", "status", "kind", "where", "what", "bytes_per_hour", "bytes_per_request", "live_bytes", "workers",
    "generations", "confidence", "first_seen", "last_seen", "release",
)  # fmt: skip
WORKERS = (
    "host", "slot", "generation", "pid", "state", "rss_bytes", "requests", "started_at", "last_seen", "release",
    "tracer", "agent_cpu_share",
)  # fmt: skip


def sites_csv(rows: Iterable[SiteRow]) -> str:
    """Sites and their growth, a row a site."""
    return _csv(SITES, ((r.where, r.function, int(r.in_app), r.growth_bytes, r.live_bytes, r.leak_id) for r in rows))


def leaks_csv(rows: Iterable[LeakRow]) -> str:
    """Leaks, a row a leak."""
    return _csv(
        LEAKS,
        (
            (
                *(r.id, r.status, r.kind, r.where, r.title, r.bytes_per_hour, r.bytes_per_request, r.live_bytes),
                *(r.workers, r.generations, r.confidence, iso_text(r.first_seen), iso_text(r.last_seen), r.release),
            )
            for r in rows
        ),
    )


def workers_csv(rows: Iterable[WorkerRow]) -> str:
    """Workers, a row a life."""
    return _csv(
        WORKERS,
        (
            (
                *(r.host, r.slot, r.generation, r.pid, r.state, r.rss_bytes, r.requests, iso_text(r.started_at)),
                *(iso_text(r.last_seen), r.release, r.tracer, r.agent_cpu_share),
            )
            for r in rows
        ),
    )


def collapsed(stacks: Iterable[tuple[Sequence[FrameView], float]]) -> str:
    """Growth by stack in the collapsed form of flame graph tools: callers first, `;` between frames, then bytes.

    Args:
        stacks: frames, allocation first, and bytes; stacks that didn't grow have no place in a flame graph.
    """
    lines = [f"{';'.join(map(_frame, reversed(frames)))} {round(size)}" for frames, size in stacks if size >= 1]
    return "".join(f"{line}\n" for line in lines)


def _frame(frame: FrameView) -> str:
    return visible(f"{frame.function} ({frame.file}:{frame.line})").replace(";", ",")


def _csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _cell(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = visible(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
