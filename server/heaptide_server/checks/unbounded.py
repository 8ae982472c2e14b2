"""What is kept without a bound: entries of caches, label sets of metrics."""

from __future__ import annotations

from typing import Any

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.reading import number, text
from heaptide_server.checks.rising import Rising, evidence, rising, workers

LEAST_ENTRIES = 1000  # of a cache: fewer cost little
LEAST_LABELS = 1000  # Prometheus' guide to instrumentation has metrics with over 100 looked into


def find(alive: list[WorkerFacts]) -> list[Finding]:
    """What rises in living workers."""
    caches = rising(alive, "caches", "caches", LEAST_ENTRIES)
    labels = rising(alive, "labels", "metrics", LEAST_LABELS)
    found = [_cache(caches)] if caches else []
    return found + ([_labels(labels)] if labels else [])


def _cache(found: list[Rising]) -> Finding:
    _, row, risen = found[0]
    name, kind = text(row, "name") or "?", text(row, "kind") or "dict"
    bound, short = _bound(risen.half), (text(row, "name") or "CACHE").rpartition(".")[2]
    lru = kind.startswith("lru_cache")
    line = (
        f"@functools.lru_cache(maxsize={bound})" if lru else f"{short} = cachetools.TTLCache(maxsize={bound}, ttl=600)"
    )
    others = sorted({text(other, "name") or "?" for _, other, _ in found} - {name})
    return Finding(
        kind="unbounded-cache",
        severity="warning",
        title=f"{name} has no bound and rises: {risen.last:,.0f} entries after {risen.requests:,.0f} requests.",
        evidence=(
            *evidence([each for each in found if each.row.get("name") == name]),
            f"It's a {kind}: nothing drops its entries.{_hit_rate(row)}",
            *((f"Others that rise: {', '.join(others[:5])}.",) if others else ()),
        ),
        fix=f"Give it a bound:\n\n    {line}",
        workers=workers(found),
    )


def _labels(found: list[Rising]) -> Finding:
    _, row, risen = found[0]
    told_labels = row.get("labels")
    labels = [str(label) for label in told_labels] if isinstance(told_labels, list) else []
    return Finding(
        kind="metric-labels",
        severity="warning",
        title=f"The metric {text(row, 'name') or '?'} has {risen.last:,.0f} sets of labels, and they become more.",
        evidence=(
            *evidence(found),
            f"Its labels: {', '.join(labels) or 'unknown'}.",
            "Each new combination of values stays for the worker's life, and becomes a series in Prometheus.",
        ),
        fix="Take out the label that has no end of values (a path with ids, a user), or put the route's template in "
        'its place:\n\n    REQUESTS.labels(path=request.scope["route"].path).inc()',
        workers=workers(found),
    )


def _hit_rate(row: dict[str, Any]) -> str:
    hits, misses = number(row, "hits") or 0.0, number(row, "misses") or 0.0
    return f" Its hit rate is {hits / (hits + misses):.0%}." if hits + misses else ""


def _bound(half: float) -> int:
    """A power of two below what it held half-way."""
    return 1 << max(int(half).bit_length() - 1, 7)
