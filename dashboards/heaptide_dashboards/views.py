"""The plain data that each page is drawn from. Times are seconds since the epoch, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

from heaptide_dashboards.choices import Choice
from heaptide_dashboards.marks import Marks
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
    exhausted_at: float | None = None


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
    id: int = 0


@dataclass(frozen=True)
class TypeRow:
    """A type in the list of object types: how many more there are than at the window's start, and how many now."""

    name: str
    growth: int
    live: int


@dataclass(frozen=True)
class Outlook:
    """When the host nearest to its memory limit reaches it; `high` None says perhaps never."""

    limit_bytes: float
    exhausted_at: float
    low: float
    high: float | None


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

    `python_error_bytes` is the standard error of `python_bytes`, 0 where every block is counted, `garbage_error_bytes`
    that of `garbage_bytes`; `native_bytes` is what remains of the resident set.
    """

    name: str
    rss_bytes: float | None
    python_bytes: float | None
    python_error_bytes: float | None
    malloc_free_bytes: float | None
    pymalloc_free_bytes: float | None
    native_bytes: float | None
    garbage_bytes: float | None = None
    garbage_error_bytes: float | None = None


@dataclass(frozen=True)
class Subject:
    """Whom a part of a page is about, what somebody chose to see of it, and when it was asked for."""

    now: float
    service: str
    environment: str
    choice: Choice


@dataclass(frozen=True)
class VitalPart:
    """The first chart: a line a worker slot, its generations stitched; `total` sums the fullest host's slots."""

    subject: Subject
    lines: list[Line]
    marks: Marks
    total: Line | None = None
    limit_bytes: float | None = None
    outlook: Outlook | None = None


@dataclass(frozen=True)
class MadePart:
    """What the resident set was made of over time: one line a part, of all workers, by the names of `bars.PARTS`."""

    subject: Subject
    lines: list[Line]
    marks: Marks


@dataclass(frozen=True)
class GrowthPart:
    """Growth per site.

    Attributes:
        sites: those that grew most.
        lines: with the number of each one's colour. Along time they share their times and begin at 0; along age their
            times are seconds since a generation's start.
        chosen: where only one site is drawn, which.
        left_out: generations, or worker slots, that had no room.
    """

    subject: Subject
    sites: list[SiteRow]
    lines: list[tuple[int, Line]]
    marks: Marks
    chosen: SiteRow | None = None
    left_out: int = 0


@dataclass(frozen=True)
class TypesPart:
    """Object types by growth; `counted` says whether any worker counts its objects."""

    subject: Subject
    rows: list[TypeRow]
    counted: bool


@dataclass(frozen=True)
class ServicePage:
    """One service in one environment; its charts are parts of their own, which the page asks for when it's there.

    Attributes:
        slots: worker slots as `host/slot`, what can be chosen; `release_names` likewise.
        outlook: the nearest exhaustion of those that its open leaks foretell.
        alive: how many workers report, chosen or not.
    """

    now: float
    service: str
    environment: str
    choice: Choice
    leaks: list[LeakRow]
    limit_bytes: float | None
    workers: list[WorkerRow]
    environments: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    release_names: list[str] = field(default_factory=list)
    resident: ResidentRow | None = None
    resident_workers: list[ResidentRow] = field(default_factory=list)
    outlook: Outlook | None = None
    alive: int = 0

    @property
    def subject(self) -> Subject:
        """Whom the page is about."""
        return Subject(self.now, self.service, self.environment, self.choice)


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
class ExcerptView:
    """Source around a frame, `lines[0]` being line number `first`; where there are no lines, `note` says why."""

    file: str
    function: str
    line: int
    first: int
    lines: tuple[str, ...]
    note: str = ""


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
        excerpts: source around frames of the stack, the allocation's own first.
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
    excerpts: list[ExcerptView] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
