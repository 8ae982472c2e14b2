"""What leaks, why, and what becomes of it. Times and sizes as in `heaptide_server.model`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from heaptide_server.model.reports import Site


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
class Excerpt:
    """Source around a frame as the worker's disk has it, `lines[0]` being line `first`; or a note why there is none."""

    file: str
    function: str
    line: int
    first: int
    lines: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Findings:
    """What a worker found of a leak; times in seconds since the epoch.

    Attributes:
        types: names and shares (0 to 1) of the types of live samples, largest first.
        ages: live bytes by age, in the order and by the names of `heaptide_server.store.diagnoses.AGES`.
        paths: what holds the oldest samples, most samples first.
        garbage_share: part that nothing holds any more, 0 to 1.
        excerpts: source around frames, the allocation's own first; none where the worker may not send it.
    """

    at: float
    types: tuple[tuple[str, float], ...]
    ages: dict[str, float] | None
    paths: tuple[RetentionPath, ...]
    garbage_share: float | None = None
    excerpts: tuple[Excerpt, ...] = ()


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
