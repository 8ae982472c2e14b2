"""What workers answered about a leak, as one diagnosis: its sites added up, paths that read the same merged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from heaptide_server.model import Bound, Diagnosis, Excerpt, Findings, Hop, RetentionPath
from heaptide_server.store.diagnoses import AGES

MOST_TYPES = 20
MOST_PATHS = 20
MOST_EXCERPTS = 20
FROM_C = "held from C"

# As ingest took it; a file may hold answers from before a field was there.
Site = dict[str, Any]


def diagnosis(rows: Sequence[sqlite3.Row]) -> Diagnosis:
    """The newest answer and the newest findings.

    Args:
        rows: of the table `diagnoses`, one leak's, newest first; not empty.
    """
    newest = rows[0]
    # Where no worker could look, one may still have told how old what it holds is.
    telling = [row for row in rows if row["status"] == "done"] or [row for row in rows if json.loads(row["sites"])]
    return Diagnosis(
        status=newest["status"],
        reason=newest["reason"],
        at=newest["at"],
        worker_id=newest["worker_id"],
        host=newest["host"],
        pid=newest["pid"],
        findings=findings(json.loads(telling[0]["sites"]), telling[0]["at"]) if telling else None,
    )


def findings(sites: Sequence[Site], at: float) -> Findings:
    """What the sites of one leak say together."""
    weights = _weights(sites)
    garbage = _garbage(sites, weights)
    return Findings(at, _types(sites, weights), _ages(sites), _paths(sites), garbage, _excerpts(sites))


def _weights(sites: Sequence[Site]) -> list[float]:
    """How much each site counts: its live bytes, where they are known of all."""
    held = [sum(site["ages"].values()) if site["ages"] else 0.0 for site in sites]
    return held if all(held) else [1.0] * len(sites)


def _types(sites: Sequence[Site], weights: Sequence[float]) -> tuple[tuple[str, float], ...]:
    told = [(site["types"], weight) for site, weight in zip(sites, weights, strict=True) if site["types"]]
    total = sum(weight for _, weight in told)
    shares: dict[str, float] = {}
    for types, weight in told:
        for one in types:
            shares[one["name"]] = shares.get(one["name"], 0.0) + one["share"] * weight / total
    ranked = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((name, min(share, 1.0)) for name, share in ranked[:MOST_TYPES])


def _ages(sites: Sequence[Site]) -> dict[str, float] | None:
    told = [site["ages"] for site in sites if site["ages"]]
    return {name: sum(ages[name] for ages in told) for name in AGES} if told else None


def _garbage(sites: Sequence[Site], weights: Sequence[float]) -> float | None:
    told = [(site.get("garbage_share"), weight) for site, weight in zip(sites, weights, strict=True)]
    known = [(share, weight) for share, weight in told if share is not None]
    total = sum(weight for _, weight in known)
    return min(sum(share * weight for share, weight in known) / total, 1.0) if known else None


def _excerpts(sites: Sequence[Site]) -> tuple[Excerpt, ...]:
    """Each place once: the sites of a leak share the innermost, and often some of its callers."""
    found: dict[tuple[str, int], Excerpt] = {}
    for one in (excerpt for site in sites for excerpt in site.get("excerpts") or ()):
        found.setdefault((one["file"], one["line"]), Excerpt(**one | {"lines": tuple(one["lines"])}))
    return tuple(found.values())[:MOST_EXCERPTS]


def _paths(sites: Sequence[Site]) -> tuple[RetentionPath, ...]:
    merged: dict[tuple[tuple[str, str], ...], RetentionPath] = {}
    for path in (_path(path) for site in sites if site["retention"] for path in site["retention"]):
        key = tuple((hop.name, hop.type) for hop in path.hops)
        merged[key] = _together(merged[key], path) if key in merged else path
    return tuple(sorted(merged.values(), key=lambda path: -path.count)[:MOST_PATHS])


def _path(told: dict[str, Any]) -> RetentionPath:
    hops = tuple(Hop(**hop) for hop in told["hops"])
    return RetentionPath(told["count"], hops, _bound(hops), hops[0].name == FROM_C)


def _bound(hops: Iterable[Hop]) -> Bound | None:
    """What is nearest to the samples can't grow past its bound, whatever holds it."""
    bounded = [hop for hop in hops if hop.bound is not None]
    return Bound(bounded[-1].type, bounded[-1].bound) if bounded else None


def _together(one: RetentionPath, other: RetentionPath) -> RetentionPath:
    hops = tuple(
        Hop(a.name, a.type, _larger(a.length, b.length), _larger(a.bound, b.bound))
        for a, b in zip(one.hops, other.hops, strict=True)
    )
    return RetentionPath(one.count + other.count, hops, one.bound or other.bound, one.held_from_c or other.held_from_c)


def _larger(one: int | None, other: int | None) -> int | None:
    known = [number for number in (one, other) if number is not None]
    return max(known) if known else None
