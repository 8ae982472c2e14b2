"""Two windows or two releases beside each other: the page's plain data, and what it says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from heaptide_dashboards.format import per_hour_text, plural
from heaptide_dashboards.prospects import span_text
from heaptide_dashboards.sentences import State
from heaptide_dashboards.views import FrameView

# How far back the window lies that a window is compared with; "previous" is the one right before it.
AGAINST = {"previous": "the one before", "day": "a day earlier", "week": "a week earlier"}
# A difference of less than this part of the larger side is noise of the sampling.
SAME_SHARE = 0.05


@dataclass(frozen=True)
class Side:
    """One of the two: what it's called, and how long workers lived in it, together."""

    name: str
    since: float
    until: float
    worker_s: float
    requests: int


@dataclass(frozen=True)
class SiteDelta:
    """A site in both. Rates are bytes that stayed in an hour of a worker's life; the rest are bytes of the later side.

    Attributes:
        known: whether it was seen on the earlier side at all.
    """

    frames: Sequence[FrameView]
    where: str
    function: str
    in_app: bool
    before: float
    after: float
    new_bytes: float
    freed_bytes: float
    known: bool
    leak_id: str | None = None

    @property
    def delta(self) -> float:
        """How much faster it grows now."""
        return self.after - self.before

    @property
    def net_bytes(self) -> float:
        """What stayed of the later side's new bytes."""
        return self.new_bytes - self.freed_bytes


@dataclass(frozen=True)
class ComparePage:
    """A comparison; `releases` are those to choose from, `rows` the sites that differ most, most first.

    Attributes:
        mode: windows or releases.
        window, against: the choice of windows, by their names in the address.
        base, release: the choice of releases; empty where none is made.
        others: sites that differ and have no row.
    """

    now: float
    service: str
    environment: str
    mode: str
    window: str
    against: str
    base: str
    release: str
    before: Side
    after: Side
    rows: Sequence[SiteDelta]
    services: Sequence[str] = field(default_factory=tuple)
    environments: Sequence[str] = field(default_factory=tuple)
    releases: Sequence[str] = field(default_factory=tuple)
    others: int = 0


CHANGES = {
    "new": State("New", "Not seen before", "open", "new"),
    "more": State("More", "Grows faster than before", "more", "bad"),
    "less": State("Less", "Grows slower than before", "less", "less"),
    "same": State("Same", "No difference beyond the sampling's noise", "ended", "calm"),
}


def change_of(before: float, after: float, known: bool = True) -> str:
    """The key in `CHANGES` of a pair of rates."""
    if not known and after > 0:
        return "new"
    if abs(after - before) <= SAME_SHARE * max(abs(before), abs(after)):
        return "same"
    return "more" if after > before else "less"


def compared(page: ComparePage) -> str:
    """The comparison in a sentence."""
    if not page.before.worker_s or not page.after.worker_s:
        silent = page.before if not page.before.worker_s else page.after
        return f"No worker reported in {silent.name}, so there's nothing to compare"
    total = sum(row.delta for row in page.rows)
    fresh = sum(change_of(row.before, row.after, row.known) == "new" for row in page.rows)
    beside = f", {plural(fresh, 'new site')}" if fresh else ""
    if not page.rows or change_of(_rate(page.rows, "before"), _rate(page.rows, "after")) == "same":
        return f"A worker grows as fast as before{beside}"
    return f"A worker grows by {per_hour_text(abs(total)).lstrip('+')} {'more' if total > 0 else 'less'}{beside}"


def side_note(side: Side) -> str:
    """How much lies behind a side."""
    if not side.worker_s:
        return "no worker reported"
    requests = f", {plural(side.requests, 'request')}" if side.requests else ""
    return f"{span_text(side.worker_s)} of workers' lives{requests}"


def compare_url(service: str, environment: str, **choice: str) -> str:
    """The address of a comparison."""
    query = {"service": service, "environment": environment} | {name: value for name, value in choice.items() if value}
    return f"/compare?{urlencode(query, errors='replace')}"


def export_url(file: str, service: str, environment: str, window: str) -> str:
    """The address of a file with what a table holds."""
    query = {"service": service, "environment": environment} | ({} if file.startswith("leaks") else {"window": window})
    return f"/export/{file}?{urlencode(query, errors='replace')}"


def _rate(rows: Sequence[SiteDelta], side: str) -> float:
    return float(sum(getattr(row, side) for row in rows))
