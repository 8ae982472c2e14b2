"""`/metrics`: what Prometheus reads. Labels are bounded by workers that live and leaks that are open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Summary, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from heaptide_server.leaks.ledger import Ledger
from heaptide_server.store.protocol import Store

# Workers that were seen in this time are looked through for those that live.
RECENT_S = 86400.0
OUTCOMES = ("accepted", "repeated", "gap", "refused")


class Metrics:
    """The collector's own counts, and gauges read from store and ledger at each scrape."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._registry = CollectorRegistry()
        self._reports = Counter(
            "heaptide_reports", "Reports by what became of them", ["outcome"], registry=self._registry
        )
        self._jobs = Summary("heaptide_job_seconds", "Duration of a job's run", ["job"], registry=self._registry)
        self._failures = Counter("heaptide_job_failures", "Runs that failed", ["job"], registry=self._registry)
        self._registry.register(_Gauges(store, ledger))

    def count_report(self, outcome: Literal["accepted", "repeated", "gap", "refused"]) -> None:
        """Counts a report."""
        self._reports.labels(outcome).inc()

    def report_counts(self) -> dict[str, int]:
        """How many reports came since the start, by what became of them."""
        samples = [sample for metric in self._reports.collect() for sample in metric.samples]
        counts = {s.labels["outcome"]: int(s.value) for s in samples if s.name.endswith("_total")}
        return {outcome: counts.get(outcome, 0) for outcome in OUTCOMES}

    def count_job(self, job: str, seconds: float, failed: bool) -> None:
        """Counts a job's run."""
        self._jobs.labels(job).observe(seconds)
        if failed:
            self._failures.labels(job).inc()

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def describe(self) -> list[Metric]:
        """Nothing: a registry would otherwise read everything once to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Reads the gauges."""
        yield from self._services()
        yield self._leaks()
        yield GaugeMetricFamily("heaptide_store_bytes", "Size of the store on disk", self._store.size_bytes())

    def _services(self) -> Iterator[Metric]:
        now = time.time()
        rss = GaugeMetricFamily(
            "heaptide_worker_rss_bytes", "Resident set", labels=["service", "environment", "host", "slot"]
        )
        limit = GaugeMetricFamily(
            "heaptide_limit_bytes", "Memory limit of its hosts", labels=["service", "environment"]
        )
        for summary in self._store.services(now):
            if summary.limit_bytes is not None:
                limit.add_metric([summary.service, summary.environment], summary.limit_bytes)
            for worker in self._store.workers(summary.service, summary.environment, now - RECENT_S):
                value = worker.vitals.get("rss_bytes")
                if worker.ended_at is None and value is not None:
                    labels = [summary.service, summary.environment, worker.identity.host, str(worker.slot)]
                    rss.add_metric(labels, value)
        yield rss
        yield limit

    def _leaks(self) -> Metric:
        growth = GaugeMetricFamily(
            "heaptide_leak_growth_bytes_per_hour",
            "Growth of an open leak",
            labels=["service", "environment", "leak", "site"],
        )
        for leak in self._ledger.leaks(status="open"):
            top = leak.site.top if leak.site else None
            site = f"{top.file}:{top.line}" if top else leak.kind
            growth.add_metric([leak.service, leak.environment, leak.id, site], leak.bytes_per_hour)
        return growth
