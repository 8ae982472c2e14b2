"""The plain data that each page is drawn from. Times are seconds since the epoch, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServiceRow:
    """A row of the services page."""

    service: str
    environment: str
    open_leaks: int
    suspects: int
    workers: int
    rss_bytes: float | None
    limit_bytes: float | None
    bytes_per_hour: float | None
    release: str | None
    last_seen: float
    rss_trend: list[float | None] = field(default_factory=list)


@dataclass(frozen=True)
class ServicesPage:
    """All services; with no rows, the page shows how to connect the first one."""

    now: float
    base_url: str
    rows: list[ServiceRow]
    needs_token: bool = False


@dataclass(frozen=True)
class Line:
    """One line of a chart; a value of None is a gap."""

    name: str
    times: list[float]
    values: list[float | None]


@dataclass(frozen=True)
class FrameView:
    """One frame of a stack."""

    file: str
    function: str
    line: int
    in_app: bool


@dataclass(frozen=True)
class LeakRow:
    """A leak in a list. `title` is what leaks (a function, a type), `where` its `file:line` or empty."""

    id: str
    status: str
    kind: str
    title: str
    where: str
    bytes_per_hour: float
    bytes_per_request: float | None
    live_bytes: float
    workers: int
    generations: int
    confidence: float
    first_seen: float
    last_seen: float
    release: str | None


@dataclass(frozen=True)
class SiteRow:
    """A site in the list of growth."""

    where: str
    function: str
    in_app: bool
    growth_bytes: float
    live_bytes: float
    leak_id: str | None


@dataclass(frozen=True)
class WorkerRow:
    """A worker in the list of workers; `state` is alive, ended or missing."""

    slot: int
    generation: int
    pid: int
    host: str
    state: str
    rss_bytes: float | None
    requests: int
    started_at: float
    last_seen: float
    release: str | None
    tracer: str
    agent_cpu_share: float | None


@dataclass(frozen=True)
class ServicePage:
    """One service in one environment.

    `rss` has a line a worker slot, its generations stitched; `growth` has a line for each of the first `sites`, in
    their order: bytes grown since the chart's left edge.
    """

    now: float
    service: str
    environment: str
    window_s: float
    leaks: list[LeakRow]
    rss: list[Line]
    limit_bytes: float | None
    restarts: list[float]
    releases: list[tuple[float, str]]
    growth: list[Line]
    sites: list[SiteRow]
    workers: list[WorkerRow]
    environments: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LeakPage:
    """One leak. `growth` has one line, bytes grown since the chart's left edge, or none where nothing is known of it.

    A type's share of the leak is None where only its name is known.
    """

    now: float
    leak: LeakRow
    service: str
    environment: str
    evidence: str
    low_bytes_per_hour: float
    high_bytes_per_hour: float
    survivor_bytes: float | None
    growth: list[Line]
    frames: list[FrameView]
    types: list[tuple[str, float | None]]
    actions: bool
    window_s: float = 6 * 3600
    restarts: list[float] = field(default_factory=list)
    releases: list[tuple[float, str]] = field(default_factory=list)
