"""Who reports, and what a report says. Times and sizes as in `heaptide_server.model`."""

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
class Event:
    """Something that happened to a service, such as a deploy; `environment` None means all."""

    at: float
    kind: str
    service: str
    environment: str | None
    release: str | None
    text: str
