"""The nouns that the collector's rooms hand to each other: plain data, no behaviour.

Times are seconds since the epoch by the collector's clock; sizes are bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Frame:
    """One frame of an allocation's stack; `file` is relative to the sys.path entry that it came from."""

    file: str
    function: str
    line: int
    in_app: bool


@dataclass(frozen=True)
class Site:
    """An allocation site: one stack, allocation first. `id` is the store's; a stack without frames is "(other)"."""

    id: int
    frames: tuple[Frame, ...]

    @property
    def top(self) -> Frame | None:
        """The innermost frame in the user's own code, else the innermost of all; None for "(other)"."""
        return next((frame for frame in self.frames if frame.in_app), self.frames[0] if self.frames else None)


@dataclass(frozen=True)
class Columns:
    """Packed rows, unpacked: `values[name][i]` belongs to `ids[i]`, one of the worker's own numbers (0, 1, ...)."""

    ids: Ints
    values: dict[str, Ints]


@dataclass(frozen=True)
class WorkerIdentity:
    """Who reports, as the agent says it. `key` is drawn anew in each process."""

    key: str
    service: str
    environment: str
    host: str
    pid: int
    started_at: float
    release: str | None
    python: str
    agent: str
    server: str | None
    interval_s: float


@dataclass(frozen=True)
class Report:
    """One validated report, its times moved to the collector's clock. See `heaptide.wire` for each field."""

    worker: WorkerIdentity
    base: int
    sequence: int
    taken_at: float
    elapsed_s: float
    skew_s: float
    final: bool
    requests: int
    vitals: dict[str, float | None]
    tracer: dict[str, Any]
    first_site: int
    new_sites: list[tuple[Frame, ...]]
    site_changes: bytes
    first_type: int
    new_types: list[str]
    type_changes: bytes
    agent: dict[str, float]
    answers: list[dict[str, Any]]
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """What became of a report: `accepted`, `repeated` (known, nothing changed) or `gap` (base isn't the last one).

    `acknowledged` is the worker's last acknowledged sequence number after it.
    """

    outcome: Literal["accepted", "repeated", "gap"]
    acknowledged: int


@dataclass(frozen=True)
class Worker:
    """A worker as the store knows it. `slot` and `generation` count from 1 within service, environment and host."""

    id: int
    identity: WorkerIdentity
    slot: int
    generation: int
    first_seen: float
    last_seen: float
    ended_at: float | None
    end_reason: Literal["final", "missing", "resync"] | None
    requests: int
    vitals: dict[str, float | None]
    tracer: dict[str, Any]
    agent: dict[str, float]
    skew_s: float


@dataclass(frozen=True)
class Only:
    """Narrows a question about a service: to one worker slot of a host, to one release; None leaves it open."""

    host: str | None = None
    slot: int | None = None
    release: str | None = None


@dataclass(frozen=True)
class ServiceSummary:
    """One row of the services page: a service in an environment."""

    service: str
    environment: str
    workers: int
    rss_bytes: int | None
    limit_bytes: int | None
    release: str | None
    last_seen: float


@dataclass(frozen=True)
class SiteGrowth:
    """Growth of one site within generations over a window, summed over workers, and what the living ones hold now."""

    site: Site
    growth_bytes: int
    growth_blocks: int
    live_bytes: int
    survivor_bytes: int | None


@dataclass(frozen=True)
class TypeGrowth:
    """Growth of one object type within generations over a window, over all workers, and what the living ones have."""

    name: str
    growth_count: int
    live_count: int


@dataclass(frozen=True)
class Stored:
    """One stored entry of a worker, as the trend job reads it: raw changes in the worker's own site numbers."""

    id: int
    worker_id: int
    kind: Literal["start", "change", "end"]
    at: float
    elapsed_s: float
    requests: int
    vitals: dict[str, float | None]
    sites: bytes
    types: bytes
    looked: bool


@dataclass(frozen=True)
class Series:
    """Rows over common buckets. `starts` has one time a bucket; `values[row, bucket]`."""

    starts: Floats
    width_s: float
    rows: list[Any]
    values: Floats


@dataclass(frozen=True)
class Forecast:
    """When a leak has filled the memory limit, with a 90 % interval; `high` None says perhaps never."""

    limit_bytes: float
    exhausted_at: float
    low: float
    high: float | None


@dataclass(frozen=True)
class Advice:
    """A computed max-requests with its jitter, None where recycling would thrash; and a sentence."""

    max_requests: int | None
    jitter: int | None
    text: str


@dataclass(frozen=True)
class Leak:
    """A leak as people see it; the JSON of the HTTP API is made from it. What isn't known is None."""

    id: str
    service: str
    environment: str
    kind: Literal["site", "objects", "native"]
    status: Literal["suspect", "filling", "open", "resolved", "muted"]
    site: Site | None
    type_name: str | None
    bytes_per_hour: float
    bytes_per_hour_low: float
    bytes_per_hour_high: float
    bytes_per_request: float | None
    live_bytes: int
    survivor_bytes: int | None
    workers: int
    generations: int
    confidence: float
    first_seen: float
    last_seen: float
    release: str | None
    evidence: str
    state: dict[str, Any] = field(default_factory=dict)
    diagnosis: Diagnosis | None = None
    bytes_per_request_low: float | None = None
    bytes_per_request_high: float | None = None
    ceiling_bytes: float | None = None
    forecast: Forecast | None = None
    advice: Advice | None = None
    release_note: str | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened to a service, such as a deploy; `environment` None means all."""

    at: float
    kind: str
    service: str
    environment: str | None
    release: str | None
    text: str


@dataclass(frozen=True)
class Request:
    """What the collector asks of a worker, or of all of a service (`worker_id` None), until it is answered.

    Attributes:
        body: what travels beside id and kind.
        suspects: of a diagnosis, for each leak's id its status at the asking and the worker's site numbers in it.
    """

    id: int
    at: float
    kind: Literal["trace", "diagnose"]
    service: str
    worker_id: int | None
    worker_key: str | None
    body: dict[str, Any]
    suspects: dict[str, Suspect] = field(default_factory=dict)
    answered: bool = False


@dataclass(frozen=True)
class Suspect:
    """A leak that a diagnosis is about: its status when a worker was asked, and that worker's own site numbers."""

    status: str
    sites: tuple[int, ...]


@dataclass(frozen=True)
class Holding:
    """What a living worker holds: `bytes[i]` at the store's site `site_ids[i]`, its own number `numbers[i]`."""

    worker: Worker
    numbers: Ints
    site_ids: Ints
    bytes: Ints


@dataclass(frozen=True)
class Traced:
    """What a worker's tracer knows in all: live bytes, and their standard error, 0 where every block is counted."""

    bytes: int
    error_bytes: float | None


@dataclass(frozen=True)
class Resident:
    """What a resident set is made of, in bytes; None where it isn't known.

    Attributes:
        python_bytes: live in Python's allocators, an estimate where the tracer samples, with its standard error.
        garbage_bytes: held by nothing, waiting for the garbage collector; part of `python_bytes`. An estimate with its
            standard error, as of the last walk over the heap.
        malloc_free_bytes: free, but kept by the C library.
        pymalloc_free_bytes: free, but kept by Python's own allocator.
        native_bytes: the rest: code, stacks, memory of extensions, and large blocks of Python's from before tracing
            began.
    """

    rss_bytes: float | None
    python_bytes: float | None
    python_error_bytes: float | None
    garbage_bytes: float | None
    garbage_error_bytes: float | None
    malloc_free_bytes: float | None
    pymalloc_free_bytes: float | None
    native_bytes: float | None


@dataclass(frozen=True)
class Hop:
    """One object on the way from a root to what leaks; `length` of a container, `bound` the most it may ever hold."""

    name: str
    type: str
    length: int | None
    bound: int | None = None


@dataclass(frozen=True)
class Bound:
    """That a path leads through something that can't grow past `maxsize`; None where it has a bound but no number."""

    kind: str
    maxsize: int | None


@dataclass(frozen=True)
class RetentionPath:
    """One way in which samples are held, root first; `count` samples share it."""

    count: int
    hops: tuple[Hop, ...]
    bound: Bound | None
    held_from_c: bool


@dataclass(frozen=True)
class Findings:
    """What a worker found of a leak; times in seconds since the epoch.

    Attributes:
        types: names and shares (0 to 1) of the types of live samples, largest first.
        ages: live bytes by age, in the order and by the names of `heaptide_server.store.diagnoses.AGES`.
        paths: what holds the oldest samples, most samples first.
        garbage_share: part that nothing holds any more, 0 to 1.
    """

    at: float
    types: tuple[tuple[str, float], ...]
    ages: dict[str, float] | None
    paths: tuple[RetentionPath, ...]
    garbage_share: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """A worker's newest answer about a leak, and the newest findings, which are older where it refused."""

    status: Literal["done", "refused"]
    reason: str | None
    at: float
    worker_id: int
    host: str
    pid: int
    findings: Findings | None


@dataclass(frozen=True)
class SiteTurnover:
    """Bytes that stayed (`net`), came and went at one site, summed over workers: net is what came less what went."""

    net_bytes: int
    new_bytes: int
    freed_bytes: int


@dataclass(frozen=True)
class Turnover:
    """What came and went within generations, by the store's site id, over `worker_s` seconds of workers' lives."""

    worker_s: float
    requests: int
    sites: dict[int, SiteTurnover]


@dataclass(frozen=True)
class ReleaseSeen:
    """A release of a service in an environment, and when workers of it were seen; `workers` counts their lives."""

    environment: str
    release: str | None
    first_seen: float
    last_seen: float
    workers: int


@dataclass(frozen=True)
class ReleaseTurnover:
    """What one site grew by in a release and environment, over `worker_s` seconds of workers' lives."""

    seen: ReleaseSeen
    growth_bytes: int
    worker_s: float
    requests: int


@dataclass(frozen=True)
class LifeTurnover:
    """What one site grew by in a worker's life, over `lived_s` seconds of it."""

    growth_bytes: int
    lived_s: float
    requests: int


@dataclass(frozen=True)
class Kept:
    """One kind of stored data: its rows, how long they are kept in seconds, and when the oldest is from."""

    name: str
    rows: int
    kept_s: float
    oldest: float | None


@dataclass(frozen=True)
class StoreContents:
    """What a store holds; `waiting` buckets got something since they were made, the oldest began at `waiting_since`."""

    kept: list[Kept]
    waiting: int
    waiting_since: float | None
