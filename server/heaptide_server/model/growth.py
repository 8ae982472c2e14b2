"""What the store answers: growth, turnover, and what there is. Times and sizes as in `heaptide_server.model`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from heaptide_server.model.reports import Floats, Ints, Site, Worker


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
class Series:
    """Rows over common buckets. `starts` has one time a bucket; `values[row, bucket]`."""

    starts: Floats
    width_s: float
    rows: list[Any]
    values: Floats


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


class SiteTurnover(NamedTuple):
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
