"""What can be asked of the store without writing: answered from a reader's connection, or from what lives in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from heaptide_server.model import (
    Event,
    Holding,
    LifeTurnover,
    Only,
    ReleaseSeen,
    ReleaseTurnover,
    Request,
    Series,
    ServiceSummary,
    Site,
    SiteGrowth,
    StoreContents,
    Stored,
    Traced,
    Turnover,
    TypeGrowth,
    Worker,
)
from heaptide_server.store import (
    contents,
    facts,
    fleet,
    growth,
    records,
    releases,
    requests,
    turnover,
    types,
)
from heaptide_server.store.connections import Readers
from heaptide_server.store.cover import DAY
from heaptide_server.store.facts import Facts
from heaptide_server.store.growth import Question
from heaptide_server.store.growth_by_worker import growth_by_worker, knowing
from heaptide_server.store.known import Known, number_ids
from heaptide_server.store.levels_over_time import traced_series
from heaptide_server.store.lives import Lives
from heaptide_server.store.retention import Retention
from heaptide_server.store.writer import Writer


class Answers:
    """The questions of `heaptide_server.store.protocol.Store`.

    Args:
        path: the file.
        retention: how long each thing is kept.
        writer: knows the living workers and the requests that wait.
    """

    def __init__(self, path: Path, retention: Retention, writer: Writer) -> None:
        self.path = path
        self._retention = retention
        self._writer = writer
        self._readers = Readers(path)
        self._lives = Lives()

    def services(self, now: float) -> list[ServiceSummary]:  # noqa: ARG002 - other engines need the time
        """See `Store.services`."""
        with self._readers.reading() as connection:
            return fleet.services(connection, self._live())

    def heard(self, service: str | None = None, environment: str | None = None) -> tuple[float, int]:
        """See `Store.heard`."""
        living = self._live() if service is None else self._live_in(service, environment)
        return max((known.last_seen for known in living), default=0.0), len(living)

    def workers(self, service: str, environment: str | None, since: float, only: Only | None = None) -> list[Worker]:
        """See `Store.workers`."""
        with self._readers.reading() as connection:
            return self._lives.workers(connection, Question(service, environment, since, float("inf"), only or Only()))

    def workers_by_id(self, ids: Iterable[int]) -> dict[int, Worker]:
        """See `Store.workers_by_id`."""
        return {worker.id: worker for worker in records.workers(self._by_id("workers", ids))}

    def sites(self, ids: Iterable[int]) -> dict[int, Site]:
        """See `Store.sites`."""
        return {row["id"]: records.site(row) for row in self._by_id("sites", ids)}

    def site_map(self, worker_id: int) -> list[int]:
        """See `Store.site_map`."""
        with self._readers.reading() as connection:
            return [int(number) for number in number_ids(connection, worker_id, "site")]

    def type_map(self, worker_id: int) -> list[str]:
        """See `Store.type_map`."""
        with self._readers.reading() as connection:
            ids = number_ids(connection, worker_id, "type").tolist()
        names = {row["id"]: row["name"] for row in self._by_id("types", set(ids))}
        return [names[number] for number in ids]

    def top_growth(
        self,
        service: str,
        environment: str | None,
        since: float,
        until: float,
        top: int,
        only: Only | None = None,
    ) -> list[SiteGrowth]:
        """See `Store.top_growth`."""
        question = Question(service, environment, since, until, only or Only())
        with self._readers.reading() as connection:
            there = growth.extent(connection, until)
            in_bytes, in_blocks = turnover.growth_by_site(connection, question, there)
        rising = [site for site, growth_bytes in in_bytes.items() if growth_bytes > 0]
        grown = sorted(rising, key=lambda site: (-in_bytes[site], site))[:top]
        living = self._living(question)
        live, survivors = growth.live_by_site(living, "bytes"), growth.live_by_site(living, "survivor_bytes")
        sites = self.sites(grown)
        return [
            SiteGrowth(
                site=sites[site],
                growth_bytes=in_bytes[site],
                growth_blocks=in_blocks.get(site, 0),
                live_bytes=(live or {}).get(site, 0),
                survivor_bytes=None if survivors is None else survivors.get(site, 0),
            )
            for site in grown
            if site in sites
        ]

    def top_types(
        self,
        service: str,
        environment: str | None,
        since: float,
        until: float,
        top: int,
        only: Only | None = None,
    ) -> list[TypeGrowth]:
        """See `Store.top_types`."""
        question = Question(service, environment, since, until, only or Only())
        with self._readers.reading() as connection:
            there = growth.extent(connection, until)
            return types.top_types(connection, question, there, top, self._living(question))

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
        """See `Store.growth_series`."""
        question = Question(service, environment, since, until, only or Only())
        with self._readers.reading() as connection:
            there = growth.extent(connection, until)
            return turnover.growth_series(connection, question, there, site_ids, buckets)

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
        """See `Store.growth_by_worker`."""
        question = Question(service, environment, since, until, only or Only())
        with self._readers.reading() as connection:
            there, workers = growth.extent(connection, until), self._lives.workers(connection, question)
            if among is not None:
                wanted = set(among)
                workers = [worker for worker in workers if worker.id in wanted]
            return growth_by_worker(connection, question, there, site_ids, buckets, workers)

    def knowing(self, worker_ids: Sequence[int], site_ids: Sequence[int]) -> set[int]:
        """See `Store.knowing`."""
        with self._readers.reading() as connection:
            return knowing(connection, worker_ids, site_ids)

    def traced_series(
        self,
        service: str,
        environment: str | None,
        since: float,
        until: float,
        buckets: int,
        only: Only | None = None,
    ) -> Series:
        """See `Store.traced_series`."""
        question = Question(service, environment, since, until, only or Only())
        with self._readers.reading() as connection:
            there, workers = growth.extent(connection, until), self._lives.workers(connection, question)
            return traced_series(connection, question, there, buckets, self._living(question), workers)

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
        """See `Store.part_series`."""
        question = Question(service, environment, since, until, only or Only())
        with self._readers.reading() as connection:
            there, workers = growth.extent(connection, until), self._lives.workers(connection, question)
            told = {
                vital: fleet.vitals_series(connection, question, there, vital, buckets, workers) for vital in vitals
            }
            return told, traced_series(connection, question, there, buckets, self._living(question), workers)

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
        """See `Store.vitals_series`."""
        question = Question(service, environment, since, until, only or Only())
        with self._readers.reading() as connection:
            there = growth.extent(connection, until)
            workers = self._lives.workers(connection, question)
            return fleet.vitals_series(connection, question, there, vital, buckets, workers)

    def stored_after(self, entry_id: int, limit: int) -> list[Stored]:
        """See `Store.stored_after`."""
        sql = "SELECT * FROM entries WHERE id > ? ORDER BY id LIMIT ?"
        with self._readers.reading() as connection:
            return [records.stored(row) for row in connection.execute(sql, [entry_id, limit])]

    def diagnosis_requests(self) -> list[Request]:
        """See `Store.diagnosis_requests`."""
        return [request for request in list(self._writer.requests.values()) if request.kind == "diagnose"]

    def requests_for(self, worker_key: str) -> list[dict[str, object]]:
        """See `Store.requests_for`."""
        known = self._writer.live.get(worker_key)
        asked = list(self._writer.requests.values()) if known else []
        return [
            {"id": str(request.id), "kind": request.kind, **request.body}
            for request in asked
            if known and requests.concerns(request, known)
        ]

    def holdings(self, service: str, environment: str) -> list[Holding]:
        """See `Store.holdings`."""
        living = {known.id: known for known in self._live_in(service, environment) if "bytes" in known.sites.values}
        return [fleet.holding(worker, living[worker_id]) for worker_id, worker in self.workers_by_id(living).items()]

    def traced(self, service: str, environment: str | None) -> dict[int, Traced]:
        """See `Store.traced`."""
        told = {known.id: known.sites.traced() for known in self._live_in(service, environment)}
        return {worker_id: traced for worker_id, traced in told.items() if traced}

    def facts(self, worker_ids: Iterable[int]) -> dict[int, Facts]:
        """See `Store.facts`."""
        with self._readers.reading() as connection:
            return facts.read(connection, worker_ids)

    def events(self, service: str, environment: str | None, since: float, until: float) -> list[Event]:
        """See `Store.events`."""
        with self._readers.reading() as connection:
            return fleet.events(connection, Question(service, environment, since, until))

    def turnover(
        self, service: str, environment: str | None, since: float, until: float, releases: Sequence[str | None] = ()
    ) -> Turnover:
        """See `Store.turnover`."""
        question = Question(service, environment, since, until)
        with self._readers.reading() as connection:
            return turnover.turnover(connection, question, growth.extent(connection, until), DAY, releases)

    def releases(self, service: str, environment: str | None, since: float) -> list[ReleaseSeen]:
        """See `Store.releases`."""
        with self._readers.reading() as connection:
            return releases.releases(connection, service, environment, since)

    def site_by_release(self, service: str, site_id: int, since: float, until: float) -> list[ReleaseTurnover]:
        """See `Store.site_by_release`."""
        with self._readers.reading() as connection:
            there = growth.extent(connection, until)
            return releases.site_by_release(connection, service, site_id, there, since, until)

    def site_by_life(
        self, worker_ids: Sequence[int], site_id: int, since: float, until: float
    ) -> dict[int, LifeTurnover]:
        """See `Store.site_by_life`."""
        with self._readers.reading() as connection:
            there = growth.extent(connection, until)
            return releases.site_by_life(connection, worker_ids, site_id, there, since, until)

    def living(self, service: str, environment: str | None) -> list[Worker]:
        """See `Store.living`."""
        found = self.workers_by_id(known.id for known in self._live_in(service, environment))
        return sorted(
            found.values(), key=lambda worker: (worker.identity.environment, worker.identity.host, worker.slot)
        )

    def contents(self) -> StoreContents:
        """See `Store.contents`."""
        with self._readers.reading() as connection:
            return contents.contents(connection, self._retention)

    def size_bytes(self) -> int:
        """See `Store.size_bytes`: the file and its write-ahead log."""
        files = [self.path, self.path.with_name(self.path.name + "-wal")]
        return sum(file.stat().st_size for file in files if file.exists())

    def _live(self) -> list[Known]:
        return list(self._writer.live.values())

    def _live_in(self, service: str, environment: str | None) -> list[Known]:
        return [
            known
            for known in self._live()
            if known.identity.service == service and environment in (None, known.identity.environment)
        ]

    def _living(self, question: Question) -> list[Known]:
        """Those of a question that live."""
        living = self._live_in(question.service, question.environment)
        if question.only == Only():
            return living
        told = self.workers(question.service, question.environment, question.since, question.only)
        ids = {worker.id for worker in told}
        return [known for known in living if known.id in ids]

    def _by_id(self, table: str, ids: Iterable[int]) -> list[sqlite3.Row]:
        sql = f"SELECT * FROM {table} WHERE id IN ({records.AMONG})"  # noqa: S608 - our own names
        with self._readers.reading() as connection:
            return connection.execute(sql, [records.listed(ids)]).fetchall()
