"""HTTP clients that are kept and never closed, or made for each request and thrown away."""

from __future__ import annotations

from typing import Any

from heaptide_server.checks import snippets
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.reading import names, number, text, watched_s
from heaptide_server.checks.rising import Rise, Rising, evidence, rising, workers

LEAST_KEPT = 20  # a service needs one for each service that it calls
LEAST_MADE = 50
# Making one costs httpx some 40 ms of CPU (measured; it loads the certificates), so this adds 2 ms to each request.
# Below, it is a connection that is made anew now and then, or a tenant that is new.
LEAST_PER_REQUEST = 0.05
LEAST_PER_S = 0.1  # a job that makes one each minute costs nothing, however few requests there are beside it


def find(alive: list[WorkerFacts]) -> list[Finding]:
    """What is wrong with the clients of living workers."""
    kept = rising(alive, "clients", "types", LEAST_KEPT)
    made = [row for row in rising(alive, "constructions", "types", LEAST_MADE) if _often(row)]
    thrown_away = [one for one in made if _stayed(one, kept) < one.rise.last / 2]
    found = [_kept(kept, [one for one in made if one not in thrown_away])] if kept else []
    return found + ([_made(thrown_away)] if thrown_away else [])


def _stayed(made: Rising, kept: list[Rising]) -> float:
    """How many of its library's clients stayed alive in the same worker, subclasses included."""
    alike = [one for one in kept if one.worker is made.worker and _library(one) == _library(made)]
    return sum(one.rise.last - one.rise.first for one in alike)


def _often(one: Rising) -> bool:
    return _per_request(one.rise) >= LEAST_PER_REQUEST and one.rise.last >= LEAST_PER_S * watched_s(one.worker)


def _per_request(rise: Rise) -> float:
    return (rise.last - rise.first) / rise.requests


def _kept(found: list[Rising], made: list[Rising]) -> Finding:
    first = found[0]
    library, kind = _library(first), _kind(first)
    makers = [one for one in made if _library(one) == library]
    return Finding(
        kind="clients-not-closed",
        severity="warning",
        title=f"{first.rise.last:,.0f} {kind} are alive in one worker and aren't closed: {_each(first.rise)} makes a "
        "new one.",
        evidence=(
            *evidence(found),
            *(_sites(makers[0]) if makers else ()),
            "Each has a pool of connections and a TLS context of its own, so memory and open files rise with them.",
        ),
        fix=snippets.shared_client(library, kind),
        workers=workers(found),
    )


def _made(found: list[Rising]) -> Finding:
    first = found[0]
    library, kind = _library(first), _kind(first)
    return Finding(
        kind="clients-per-request",
        severity="warning",
        title=f"{first.rise.last:,.0f} {kind} were made in {first.rise.requests:,.0f} requests, and thrown away: "
        f"{_each(first.rise)} makes a new one.",
        evidence=(
            *(f"{names([one.worker])[0]}: {one.rise.last:,.0f} {_kind(one)}." for one in found[:3]),
            *_sites(first),
            "A client's connections end with it: each call opens one anew, with its TLS handshake."
            + (" And httpx loads the certificates again for each." if library.startswith("httpx") else ""),
        ),
        fix=snippets.shared_client(library, kind),
        workers=workers(found),
    )


def _library(one: Rising) -> str:
    return text(one.row, "library") or "httpx"


def _kind(one: Rising) -> str:
    return text(one.row, "type") or "client"


def _each(rise: Rise) -> str:
    per_request = _per_request(rise)
    return "each request" if per_request > 0.5 else f"one in {1 / per_request:,.0f} requests"


def _sites(one: Rising) -> tuple[str, ...]:
    """Who made most, in words; what has another shape is left out."""
    sites, looked = one.row.get("sites"), number(one.row, "looked")
    told_sites = [site for site in sites if _is_site(site)] if looked and isinstance(sites, list) else []
    return tuple(
        f"{function} ({file}:{line}) made {times / (looked or 1):.0%} of them."
        for file, function, line, times in told_sites
    )


def _is_site(site: Any) -> bool:
    return isinstance(site, list) and len(site) == 4 and isinstance(site[3], int)
