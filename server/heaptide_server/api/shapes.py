"""The JSON of the HTTP API. What isn't known is null, never a guess."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from heaptide_server.model import (
    Diagnosis,
    Forecast,
    Hop,
    Leak,
    Resident,
    RetentionPath,
    ServiceSummary,
    Site,
    SiteGrowth,
    Worker,
)


def leak_json(leak: Leak) -> dict[str, Any]:
    """A leak, in the shape that stays stable."""
    paths = leak.diagnosis.findings.paths if leak.diagnosis and leak.diagnosis.findings else ()
    return {
        "id": leak.id,
        "service": leak.service,
        "environment": leak.environment,
        "kind": leak.kind,
        "status": leak.status,
        "site": site_json(leak.site),
        "types": types_json(leak),
        "growth": {
            "bytes_per_hour": _number(leak.bytes_per_hour),
            "low": _number(leak.bytes_per_hour_low),
            "high": _number(leak.bytes_per_hour_high),
            "bytes_per_request": _number(leak.bytes_per_request),
            "bytes_per_request_low": _number(leak.bytes_per_request_low),
            "bytes_per_request_high": _number(leak.bytes_per_request_high),
        },
        "live_bytes": leak.live_bytes,
        "survivor_bytes": leak.survivor_bytes,
        "workers": leak.workers,
        "generations": leak.generations,
        "confidence": _number(leak.confidence),
        "first_seen": time_json(leak.first_seen),
        "last_seen": time_json(leak.last_seen),
        "release": leak.release,
        "retention": [hop_json(hop) for hop in paths[0].hops] if paths else None,
        "forecast": forecast_json(leak.forecast),
        "advice": None if leak.advice is None else asdict(leak.advice),
        "evidence": leak.evidence,
        "ceiling_bytes": _number(leak.ceiling_bytes),
        "release_note": leak.release_note,
        "retention_paths": [path_json(path) for path in paths] if paths else None,
        **findings_json(leak.diagnosis),
        "diagnosis": diagnosis_json(leak.diagnosis),
    }


def leak_in_full_json(leak: Leak) -> dict[str, Any]:
    """A leak with source, where a worker may send it; `leak_json` has none, because alerts carry it to others."""
    found = leak.diagnosis.findings if leak.diagnosis else None
    excerpts = [asdict(excerpt) for excerpt in found.excerpts] if found else []
    return leak_json(leak) | {"excerpts": excerpts or None}


def forecast_json(forecast: Forecast | None) -> dict[str, Any] | None:
    """A forecast; `high` is null where the limit is perhaps never reached."""
    if forecast is None:
        return None
    return {
        "limit_bytes": int(forecast.limit_bytes),
        "exhausted_at": time_json(forecast.exhausted_at),
        "low": time_json(forecast.low),
        "high": None if forecast.high is None else time_json(forecast.high),
    }


def types_json(leak: Leak) -> list[dict[str, Any]] | None:
    """The types of what leaks, largest share first; a share is null where only the name is known."""
    if leak.diagnosis and leak.diagnosis.findings and leak.diagnosis.findings.types:
        return [{"name": name, "share": share} for name, share in leak.diagnosis.findings.types]
    return None if leak.type_name is None else [{"name": leak.type_name, "share": None}]


def hop_json(hop: Hop) -> dict[str, Any]:
    """One object on the way from what holds a leak to what leaks."""
    return {"name": hop.name, "type": hop.type, "length": hop.length}


def path_json(path: RetentionPath) -> dict[str, Any]:
    """One way in which samples are held, and how many of them share it."""
    bound = {"kind": path.bound.kind, "maxsize": path.bound.maxsize} if path.bound else None
    hops = [hop_json(hop) | {"bound": hop.bound} for hop in path.hops]
    return {"count": path.count, "hops": hops, "bound": bound, "held_from_c": path.held_from_c}


def findings_json(diagnosis: Diagnosis | None) -> dict[str, Any]:
    """How old what leaks is, and how much of it nothing holds any more."""
    found = diagnosis.findings if diagnosis else None
    return {"ages": found.ages if found else None, "garbage_share": found.garbage_share if found else None}


def diagnosis_json(diagnosis: Diagnosis | None) -> dict[str, Any] | None:
    """The newest answer about a leak; `found_at` is when the findings are from, older where a worker refused since."""
    if diagnosis is None:
        return None
    return {
        "status": diagnosis.status,
        "reason": diagnosis.reason,
        "at": time_json(diagnosis.at),
        "worker": {"id": diagnosis.worker_id, "host": diagnosis.host, "pid": diagnosis.pid},
        "found_at": time_json(diagnosis.findings.at) if diagnosis.findings else None,
    }


def resident_json(resident: Resident | None) -> dict[str, Any] | None:
    """What a resident set is made of; null for a worker that ended."""
    return None if resident is None else asdict(resident)


def site_json(site: Site | None) -> dict[str, Any] | None:
    """A site: the innermost frame in the user's own code, and the whole stack, allocation first."""
    if site is None or site.top is None:
        return None
    frames = [
        {"file": frame.file, "function": frame.function, "line": frame.line, "in_app": frame.in_app}
        for frame in site.frames
    ]
    return {"file": site.top.file, "function": site.top.function, "line": site.top.line, "frames": frames}


def growth_json(growth: SiteGrowth) -> dict[str, Any]:
    """A site's growth over a window; `site` is null for what the agent sums up as "other"."""
    return {
        "site": site_json(growth.site),
        "growth_bytes": growth.growth_bytes,
        "growth_blocks": growth.growth_blocks,
        "live_bytes": growth.live_bytes,
        "survivor_bytes": growth.survivor_bytes,
    }


def worker_json(worker: Worker, resident: Resident | None = None) -> dict[str, Any]:
    """A worker; `state` is alive, ended or missing, `resident` what its resident set is made of while it's alive."""
    identity = worker.identity
    state = "alive" if worker.ended_at is None else "missing" if worker.end_reason == "missing" else "ended"
    return {
        "id": worker.id,
        "environment": identity.environment,
        "host": identity.host,
        "pid": identity.pid,
        "slot": worker.slot,
        "generation": worker.generation,
        "state": state,
        "end_reason": worker.end_reason,
        "release": identity.release,
        "python": identity.python,
        "agent": identity.agent,
        "server": identity.server,
        "interval_s": identity.interval_s,
        "started_at": time_json(identity.started_at),
        "first_seen": time_json(worker.first_seen),
        "last_seen": time_json(worker.last_seen),
        "ended_at": None if worker.ended_at is None else time_json(worker.ended_at),
        "requests": worker.requests,
        "vitals": worker.vitals,
        "tracer": worker.tracer,
        "cost": worker.agent,
        "skew_s": worker.skew_s,
        "resident": resident_json(resident),
    }


def service_json(summary: ServiceSummary) -> dict[str, Any]:
    """A service in an environment."""
    return {
        "service": summary.service,
        "environment": summary.environment,
        "workers": summary.workers,
        "rss_bytes": summary.rss_bytes,
        "limit_bytes": summary.limit_bytes,
        "release": summary.release,
        "last_seen": time_json(summary.last_seen),
    }


def time_json(at: float) -> str:
    """A time as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
