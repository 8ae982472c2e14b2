"""What is made again and again and never given up: HTTP clients, entries of caches, label sets of metrics."""

from __future__ import annotations

from typing import Any

from heaptide_server.checks import snippets
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.reading import names, number, rows, text, told
from heaptide_server.checks.rising import Rise, rise

LEAST_CLIENTS = 20  # a service needs one for each service that it calls
LEAST_ENTRIES = 1000  # of a cache: fewer cost little
LEAST_LABELS = 1000  # Prometheus' guide to instrumentation has metrics with over 100 looked into

Found = list[tuple[WorkerFacts, dict[str, Any], Rise]]


def find(alive: list[WorkerFacts]) -> list[Finding]:
    """What rises in living workers."""
    clients = _rising(alive, "clients", "types", LEAST_CLIENTS)
    caches = _rising(alive, "caches", "caches", LEAST_ENTRIES)
    labels = _rising(alive, "labels", "metrics", LEAST_LABELS)
    found = [_clients(clients)] if clients else []
    found += [_cache(caches)] if caches else []
    return found + ([_labels(labels)] if labels else [])


def _rising(alive: list[WorkerFacts], probe: str, name: str, least: int) -> Found:
    """Rows that rise, in any worker, the largest first."""
    found = [(one, row, risen) for one in alive for row in rows(told(one, probe), name) if (risen := rise(row, least))]
    return sorted(found, key=lambda each: -each[2].last)


def _clients(found: Found) -> Finding:
    _, row, risen = found[0]
    library, kind = text(row, "library") or "", text(row, "type") or "client"
    per_request = (risen.last - risen.first) / risen.requests
    how = "each request" if per_request > 0.5 else f"one in {1 / per_request:,.0f} requests"
    return Finding(
        kind="clients-not-closed",
        severity="warning",
        title=f"{risen.last:,.0f} {kind} are alive in one worker and aren't closed: {how} makes a new one.",
        evidence=(
            *_evidence(found),
            "Each has a pool of connections and a TLS context of its own, so memory and open files rise with them.",
        ),
        fix=snippets.SHARED_CLIENT.get(library.rstrip("2"), snippets.SHARED_CLIENT["httpx"]),
        workers=_workers(found),
    )


def _cache(found: Found) -> Finding:
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
            *_evidence([each for each in found if each[1].get("name") == name]),
            f"It's a {kind}: nothing drops its entries.{_hit_rate(row)}",
            *((f"Others that rise: {', '.join(others[:5])}.",) if others else ()),
        ),
        fix=f"Give it a bound:\n\n    {line}",
        workers=_workers(found),
    )


def _labels(found: Found) -> Finding:
    _, row, risen = found[0]
    told_labels = row.get("labels")
    labels = [str(label) for label in told_labels] if isinstance(told_labels, list) else []
    return Finding(
        kind="metric-labels",
        severity="warning",
        title=f"The metric {text(row, 'name') or '?'} has {risen.last:,.0f} sets of labels, and they become more.",
        evidence=(
            *_evidence(found),
            f"Its labels: {', '.join(labels) or 'unknown'}. Each new combination of values stays for "
            "the worker's life, "
            "and becomes a series in Prometheus.",
        ),
        fix="Take out the label that has no end of values (a path with ids, a user), or put the "
        "route's template in its "
        'place:\n\n    REQUESTS.labels(path=request.scope["route"].path).inc()',
        workers=_workers(found),
    )


def _evidence(found: Found) -> tuple[str, ...]:
    return tuple(risen.sentence(names([one])[0]) for one, _, risen in found[:3])


def _workers(found: Found) -> tuple[str, ...]:
    return names({id(one): one for one, _, _ in found}.values())


def _hit_rate(row: dict[str, Any]) -> str:
    hits, misses = number(row, "hits") or 0.0, number(row, "misses") or 0.0
    return f" Its hit rate is {hits / (hits + misses):.0%}." if hits + misses else ""


def _bound(half: float) -> int:
    """A power of two below what it held half-way."""
    return 1 << max(int(half).bit_length() - 1, 7)
