"""The plain data that each page is drawn from. Times are seconds since the epoch, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from heaptide_dashboards.prospects import AdviceView, ForecastView


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
class ResidentRow:
    """What the resident set of a worker, or of all, is made of; None where it isn't known.

    `python_error_bytes` is the standard error of `python_bytes`, 0 where every block is counted; `native_bytes` is what
    remains of the resident set.
    """

    name: str
    rss_bytes: float | None
    python_bytes: float | None
    python_error_bytes: float | None
    malloc_free_bytes: float | None
    pymalloc_free_bytes: float | None
    native_bytes: float | None
    garbage_bytes: float | None = None


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
    resident: ResidentRow | None = None
    resident_workers: list[ResidentRow] = field(default_factory=list)


@dataclass(frozen=True)
class HopView:
    """One object on a path: how the one before refers to it, its type, its elements and the most it may ever hold."""

    name: str
    type: str
    length: int | None
    bound: int | None = None


@dataclass(frozen=True)
class PathView:
    """One way in which samples are held, the holder first; `bound` says what can't grow past what, or nothing."""

    count: int
    hops: list[HopView]
    bound: str
    held_from_c: bool


@dataclass(frozen=True)
class DiagnosisView:
    """What workers were asked about a leak, and what they found.

    Attributes:
        status: of the newest answer: done or refused; empty where there is none.
        reason: why it was refused, or what its findings lack.
        at: when it came; `worker` names who gave it.
        found_at: when the findings are from; None where there are none.
        ages: labels and live bytes, youngest first.
        paths: what holds the samples, most samples first.
        garbage_share: part that nothing holds any more; None where it isn't known.
        asked: the worker that has still to answer; empty where none has.
        can_ask: whether some living worker's tracer could tell.
    """

    status: str
    reason: str
    at: float
    worker: str
    found_at: float | None
    ages: list[tuple[str, float]]
    paths: list[PathView]
    garbage_share: float | None
    asked: str
    asked_at: float
    can_ask: bool


@dataclass(frozen=True)
class ReleaseGrowth:
    """How much a leak's site grew in one release and environment, over `worker_s` seconds of workers' lives.

    `leak_id` is the leak of that environment, and `status` its state; None where there is none.
    """

    environment: str
    release: str | None
    first_seen: float
    last_seen: float
    growth_bytes: float
    worker_s: float
    requests: int
    leak_id: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class GenerationGrowth:
    """How much a leak's site grew within one life of a worker, in `lived_s` seconds of it."""

    worker: str
    generation: int
    started_at: float
    alive: bool
    growth_bytes: float
    lived_s: float
    requests: int


@dataclass(frozen=True)
class LeakPage:
    """One leak. `growth` has one line, bytes grown since the chart's left edge, or none where nothing is known of it.

    A type's share of the leak is None where only its name is known.

    Attributes:
        mute_left_bytes: how much each worker may still grow before a muted leak is told; None mutes for good.
        source_template: where a frame's source is, as `heaptide_dashboards.sources` takes it; `source_release` is
            the release that the stack is from.
        releases_seen: growth by release and environment, the latest first.
        generations_seen: growth by life, the latest first.
        address: the page's own, for a text that is pasted elsewhere.
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
    diagnosis: DiagnosisView | None = None
    low_bytes_per_request: float | None = None
    high_bytes_per_request: float | None = None
    forecast: ForecastView | None = None
    advice: AdviceView | None = None
    ceiling_bytes: float | None = None
    release_note: str | None = None
    mute_left_bytes: float | None = None
    source_template: str | None = None
    source_release: str | None = None
    releases_seen: list[ReleaseGrowth] = field(default_factory=list)
    generations_seen: list[GenerationGrowth] = field(default_factory=list)
    address: str = ""
