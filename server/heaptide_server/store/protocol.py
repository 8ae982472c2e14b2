"""What the collector asks of a store: the seam to SQLite today, to another engine for more than one machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from heaptide_server.model import (
    Event,
    Holding,
    LifeTurnover,
    Only,
    Receipt,
    ReleaseSeen,
    ReleaseTurnover,
    Report,
    Request,
    Series,
    ServiceSummary,
    Site,
    SiteGrowth,
    StoreContents,
    Stored,
    Suspect,
    Traced,
    Turnover,
    TypeGrowth,
    Worker,
)


class StoreUnavailable(Exception):  # noqa: N818 - a state of the store that passes, not a mistake
    """The store can't write now, such as when its disk is full. Nothing of what was asked was stored."""


class Store(Protocol):
    """Keeps reports, answers questions about growth. Safe to call from any thread; each write is one transaction.

    It stores changes, not levels. Growth is the sum of changes within generations (a worker's first report is where it
    starts from, not growth; a worker's end frees nothing); live is the sum over workers that have not ended.
    """

    def migrate(self) -> None:
        """Brings the schema to this version. Idempotent."""

    def append(self, reports: Sequence[Report], now: float) -> list[Receipt]:
        """Stores a group of reports in one durable transaction; a receipt each. What it returned survives `kill -9`."""

    def reap(self, now: float) -> list[Worker]:
        """Ends workers whose heartbeat is missing (three of their intervals, at least 5 s); returns those just ended.

        A worker that reports again after all is alive again.
        """

    def rollup(self, now: float) -> int:
        """Sums closed buckets of 5 min, 1 h and 1 d, per worker, and the totals per service.

        Idempotent: closed buckets are made anew. Returns the number of buckets written.
        """

    def expire(self, now: float) -> int:
        """Drops what is past its retention; returns the number of rows dropped. Live levels stay exact."""

    def services(self, now: float) -> list[ServiceSummary]:
        """Services by name and environment."""

    def heard(self, service: str | None = None, environment: str | None = None) -> tuple[float, int]:
        """When a living worker was last heard of, 0 for none, and how many live; cheap enough to ask often."""

    def workers(self, service: str, environment: str | None, since: float, only: Only | None = None) -> list[Worker]:
        """Workers seen since then, by slot and generation."""

    def workers_by_id(self, ids: Iterable[int]) -> dict[int, Worker]:
        """Workers by the store's id; unknown ids are left out."""

    def sites(self, ids: Iterable[int]) -> dict[int, Site]:
        """Sites by the store's id; unknown ids are left out."""

    def site_map(self, worker_id: int) -> list[int]:
        """The store's site id for each of the worker's own site numbers, in their order."""

    def type_map(self, worker_id: int) -> list[str]:
        """The type's name for each of the worker's own type numbers, in their order."""

    def top_growth(
        self,
        service: str,
        environment: str | None,
        since: float,
        until: float,
        top: int,
        only: Only | None = None,
    ) -> list[SiteGrowth]:
        """Sites that grew most in the window, largest first."""

    def top_types(
        self,
        service: str,
        environment: str | None,
        since: float,
        until: float,
        top: int,
        only: Only | None = None,
    ) -> list[TypeGrowth]:
        """Object types of which there are more than at the window's start, those that grew most first."""

    def growth_series(
        self,
        service: str,
        environment: str | None,
        site_ids: Sequence[int],
        since: float,
        until: float,
        buckets: int,
        only: Only | None = None,
    ) -> Series:
        """Growth of each site per bucket in bytes, summed over workers; rows in the order of `site_ids`."""

    def growth_by_worker(
        self,
        service: str,
        environment: str | None,
        site_ids: Sequence[int],
        since: float,
        until: float,
        buckets: int,
        only: Only | None = None,
        among: Iterable[int] | None = None,
    ) -> Series:
        """The same for each worker: rows are pairs of a `Worker` and a site's id, those without a change left out.

        Only of the workers whose ids are in `among`, where it's given: each one's own buckets are read.
        """

    def knowing(self, worker_ids: Sequence[int], site_ids: Sequence[int]) -> set[int]:
        """Those of some workers that have seen one of these sites, by the store's ids; rarely one more than those."""

    def traced_series(
        self,
        service: str,
        environment: str | None,
        since: float,
        until: float,
        buckets: int,
        only: Only | None = None,
    ) -> Series:
        """What tracers knew in all per `Worker` (the rows) at each bucket's end, NaN where it didn't live.

        A level is what is known now less what came after, so `until` must be about now.
        """

    def vitals_series(
        self,
        service: str,
        environment: str | None,
        vital: str,
        since: float,
        until: float,
        buckets: int,
        only: Only | None = None,
    ) -> Series:
        """A vital (see `heaptide.wire.VITALS`) per `Worker` (the rows) and bucket: its mean, NaN where none."""

    def part_series(
        self,
        service: str,
        environment: str | None,
        vitals: Sequence[str],
        since: float,
        until: float,
        buckets: int,
        only: Only | None = None,
    ) -> tuple[dict[str, Series], Series]:
        """Several vitals by name, and what tracers knew: `vitals_series` and `traced_series` of the same workers."""

    def stored_after(self, entry_id: int, limit: int) -> list[Stored]:
        """Raw entries with an id above this one, in order: how jobs keep their matrices up to date.

        A `start` has levels, a `change` what changed since the entry before it, an `end` nothing. A worker's first
        entry is always a `start`, also where older ones are past their retention: it holds what they came to. A
        `change` after an `end` means that the worker, thought missing, lives, and goes on from the levels it had.
        """

    def request_trace(self, service: str, sample_bytes: int | None, now: float) -> str:
        """Asks each worker of a service to trace at this rate (0: not at all, None: its own); the request's id.

        The latest request holds until the next one; workers that start later are asked too.
        """

    def request_diagnosis(
        self, worker_id: int, suspects: Mapping[str, Suspect], by_hand: bool, now: float
    ) -> Request | None:
        """Asks one worker to diagnose these leaks' sites; None where it has ended.

        It is asked until it answers. Its answer is stored with each leak, in the transaction of the report that
        carried it.
        """

    def diagnosis_requests(self) -> list[Request]:
        """Diagnoses that workers are asked for, or were in the last hour; by age."""

    def holdings(self, service: str, environment: str) -> list[Holding]:
        """What each living worker holds now, at each of its sites, where its tracer tells."""

    def traced(self, service: str, environment: str | None) -> dict[int, Traced]:
        """What the tracers of living workers know in all, by the store's worker id; those that don't are left out."""

    def facts(self, worker_ids: Iterable[int]) -> dict[int, dict[str, dict[str, Any]]]:
        """The newest facts of these workers by the probe's name; one that told none is left out."""

    def requests_for(self, worker_key: str) -> list[dict[str, object]]:
        """What this worker is asked with its next reply: `[{"id", "kind", ...}]`, until it has answered."""

    def add_event(self, event: Event) -> None:
        """Stores an event."""

    def events(self, service: str, environment: str | None, since: float, until: float) -> list[Event]:
        """Events of a service in a window, in order of time; those of all environments are in each."""

    def check(self, now: float) -> None:
        """Writes a little.

        Raises:
            StoreUnavailable: the store can't write now.
        """

    def turnover(
        self, service: str, environment: str | None, since: float, until: float, releases: Sequence[str | None] = ()
    ) -> Turnover:
        """What came and went per site in the window; of these releases alone, where any are named."""

    def releases(self, service: str, environment: str | None, since: float) -> list[ReleaseSeen]:
        """Releases whose workers were seen since then, the one that began last first."""

    def site_by_release(self, service: str, site_id: int, since: float, until: float) -> list[ReleaseTurnover]:
        """What a site grew by in each release and environment, in the order of `releases`."""

    def site_by_life(
        self, worker_ids: Sequence[int], site_id: int, since: float, until: float
    ) -> dict[int, LifeTurnover]:
        """What a site grew by within each of these workers' lives in the window, by the store's worker id."""

    def living(self, service: str, environment: str | None) -> list[Worker]:
        """Workers that have not ended, by slot."""

    def contents(self) -> StoreContents:
        """What the store holds, and what it has still to sum up."""

    def size_bytes(self) -> int:
        """What the store takes on disk."""

    def close(self) -> None:
        """Ends what the store runs, in good order. Idempotent."""
