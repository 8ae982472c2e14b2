"""Asks store and ledger, and answers with the plain data that a page is drawn from."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_dashboards.choices import Choice
from heaptide_dashboards.format import shorten
from heaptide_dashboards.marks import Marks
from heaptide_dashboards.render import leak_url
from heaptide_dashboards.views import DiagnosisView, LeakPage, Line, ServicePage, ServiceRow, ServicesPage
from heaptide_server.leaks.diagnosing import SAMPLING, Diagnosing
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.model import Leak, Only, ServiceSummary, Worker
from heaptide_server.pages import happened
from heaptide_server.pages.choosing import only, seconds
from heaptide_server.pages.findings import diagnosis_view, excerpt_views, resident_row, resident_rows, type_shares
from heaptide_server.pages.fullest import fullest_host, outlook_of
from heaptide_server.pages.leaks import advice_view, forecast_view, generation_growth, mute_left, release_growth
from heaptide_server.pages.lines import MOST_TOLD, chart_span, coarser, growth_lines, total_trend
from heaptide_server.pages.parts import Parts, slot_name
from heaptide_server.pages.problems import Missing, no_such_leak
from heaptide_server.pages.rows import frame_views, leak_row, worker_rows
from heaptide_server.resident import explained, together
from heaptide_server.store.cover import HOUR
from heaptide_server.store.protocol import Store

SPARKLINE_WINDOW_S = 6 * 3600.0


class Viewer:
    """The pages' questions at one moment.

    Args:
        now: seconds since the epoch.
        base_url: this collector's own address, for texts that are pasted elsewhere.
        source_template: where a line's source is on the web.
    """

    def __init__(
        self, store: Store, ledger: Ledger, now: float, *, base_url: str = "", source_template: str | None = None
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._now = now
        self._base_url = base_url
        self._source_template = source_template
        self._seen: dict[tuple[str, str, float], list[Worker]] = {}

    def services(self, base_url: str, needs_token: bool) -> ServicesPage:
        """The list of services."""
        leaks = self._ledger.leaks()
        rows = [self._service_row(summary, leaks) for summary in self._store.services(self._now)]
        return ServicesPage(self._now, base_url, rows, needs_token)

    def service(self, service: str, environment: str | None, choice: Choice) -> ServicePage:
        """One service in one environment; where none is named, in the one heard of last.

        Raises:
            Missing: no such service has reported there.
        """
        environments = self._environments(service)
        if not environments or environment not in (None, *environments):
            raise Missing(f"No worker of {shorten(service, 80)!r} has reported from this environment.")
        environment = environment or environments[0]
        everybody = self._workers(service, environment, seconds(choice.window))
        shown = self._chosen(service, environment, choice)
        leaks = [leak for leak in self._ledger.leaks(service) if leak.environment == environment]
        parts = explained(shown, self._store.traced(service, environment))
        whole = together(list(parts.values()))
        host = fullest_host(everybody)
        return ServicePage(
            now=self._now,
            service=service,
            environment=environment,
            choice=choice,
            leaks=[leak_row(leak) for leak in leaks],
            limit_bytes=host.limit_bytes if host else None,
            workers=worker_rows(shown),
            environments=sorted(environments),
            slots=list(dict.fromkeys(slot_name(worker) for worker in everybody if worker.ended_at is None)),
            release_names=list(dict.fromkeys(filter(None, (worker.identity.release for worker in _newest(everybody))))),
            resident=resident_row("all workers", whole) if whole else None,
            resident_workers=resident_rows(shown, parts),
            outlook=outlook_of(leaks),
            alive=sum(worker.ended_at is None for worker in everybody),
        )

    def parts(self, service: str, environment: str, choice: Choice) -> Parts:
        """What the charts of a service's page show."""
        return Parts(self._store, self._ledger, self._now, service, environment, choice)

    def find(self, leak_id: str) -> Leak:
        """The leak of that id.

        Raises:
            Missing: there is none.
        """
        if found := self._ledger.leak(leak_id):
            return found
        raise no_such_leak(leak_id)

    def leak(self, leak: Leak, window_s: float) -> LeakPage:
        """One leak."""
        marks = self.marks(leak.service, leak.environment, window_s)
        workers = self._workers(leak.service, leak.environment, window_s)
        releases = release_growth(self._store, self._ledger, leak, self._now)
        return LeakPage(
            now=self._now,
            leak=leak_row(leak),
            service=leak.service,
            environment=leak.environment,
            evidence=leak.evidence,
            low_bytes_per_hour=leak.bytes_per_hour_low,
            high_bytes_per_hour=leak.bytes_per_hour_high,
            survivor_bytes=leak.survivor_bytes,
            growth=self.leak_growth(leak, window_s),
            frames=frame_views(leak.site),
            types=type_shares(leak),
            window_s=window_s,
            restarts=list(marks.restarts),
            releases=list(marks.releases),
            events=list(marks.events),
            diagnosis=self._diagnosis(leak, window_s) if leak.kind == "site" else None,
            low_bytes_per_request=leak.bytes_per_request_low,
            high_bytes_per_request=leak.bytes_per_request_high,
            forecast=forecast_view(leak),
            advice=advice_view(leak),
            ceiling_bytes=leak.ceiling_bytes,
            release_note=leak.release_note,
            mute_left_bytes=mute_left(leak),
            source_template=self._source_template,
            source_release=next((row.release for row in releases if row.environment == leak.environment), leak.release),
            releases_seen=releases,
            generations_seen=generation_growth(self._store, leak, workers, self._now, window_s),
            address=f"{self._base_url}{leak_url(leak.id)}" if self._base_url else "",
            excerpts=excerpt_views(leak),
        )

    def leak_growth(self, leak: Leak, window_s: float) -> list[Line]:
        """Growth of one leak's site; nothing for a leak without one."""
        if leak.site is None:
            return []
        workers = self._workers(leak.service, leak.environment, window_s)
        span = coarser(chart_span(workers, self._now, window_s), workers, MOST_TOLD, HOUR)
        series = self._store.growth_series(
            leak.service, leak.environment, [leak.site.id], span.since, span.until, span.buckets
        )
        return growth_lines(series, ["all workers"])

    def marks(self, service: str, environment: str, window_s: float) -> Marks:
        """What happened to the workers in the window."""
        since = self._now - window_s
        events = self._store.events(service, environment, since, self._now)
        return happened.marks(self._workers(service, environment, window_s), events, since)

    def _diagnosis(self, leak: Leak, window_s: float) -> DiagnosisView:
        pending = Diagnosing(self._store, self._ledger).pending(leak, self._now)
        asked = self._store.workers_by_id({request.worker_id for request in pending if request.worker_id is not None})
        living = [w for w in self._workers(leak.service, leak.environment, window_s) if w.ended_at is None]
        return diagnosis_view(leak, pending, asked, any(w.tracer.get("name") == SAMPLING for w in living))

    def _environments(self, service: str) -> list[str]:
        known = [summary for summary in self._store.services(self._now) if summary.service == service]
        return [summary.environment for summary in sorted(known, key=lambda summary: -summary.last_seen)]

    def _workers(self, service: str, environment: str, window_s: float) -> list[Worker]:
        asked = service, environment, window_s
        if asked not in self._seen:
            self._seen[asked] = self._store.workers(service, environment, self._now - window_s)
        return self._seen[asked]

    def _chosen(self, service: str, environment: str, choice: Choice) -> list[Worker]:
        narrowed = only(choice)
        if narrowed == Only():
            return self._workers(service, environment, seconds(choice.window))
        return self._store.workers(service, environment, self._now - seconds(choice.window), narrowed)

    def _service_row(self, summary: ServiceSummary, leaks: Sequence[Leak]) -> ServiceRow:
        own = [leak for leak in leaks if (leak.service, leak.environment) == (summary.service, summary.environment)]
        leaking = [leak for leak in own if leak.status == "open"]
        outlook = outlook_of(own)
        return ServiceRow(
            service=summary.service,
            environment=summary.environment,
            open_leaks=len(leaking),
            suspects=sum(leak.status == "suspect" for leak in own),
            workers=summary.workers,
            rss_bytes=summary.rss_bytes,
            limit_bytes=summary.limit_bytes,
            bytes_per_hour=sum(leak.bytes_per_hour for leak in leaking) if leaking else None,
            release=summary.release,
            last_seen=summary.last_seen,
            rss_trend=self._trend(summary),
            exhausted_at=outlook.exhausted_at if outlook else None,
        )

    def _trend(self, summary: ServiceSummary) -> list[float | None]:
        workers = self._workers(summary.service, summary.environment, SPARKLINE_WINDOW_S)
        span = chart_span(workers, self._now, SPARKLINE_WINDOW_S)
        buckets = min(span.buckets, 60)
        series = self._store.vitals_series(
            summary.service, summary.environment, "rss_bytes", span.since, span.until, buckets
        )
        return total_trend(series)


def _newest(workers: Sequence[Worker]) -> list[Worker]:
    return sorted(workers, key=lambda worker: -worker.first_seen)
