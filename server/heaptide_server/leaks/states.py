"""The life of a leak: suspect, filling, open, resolved, muted. Pure: one look in, the next state out.

nothing --2 suspect looks--> suspect --`opening.opens`--> open --5 clear looks--> resolved
nothing or suspect --2 filling looks--> filling          resolved --2 suspect looks--> open again, at once
suspect or filling --5 clear looks--> nothing            muted --grown by X--> open
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import erf, sqrt
from typing import Any, Literal

from heaptide_server.leaks import opening
from heaptide_server.model import Advice, Forecast, Leak, Site
from heaptide_server.trends.verdict import Verdict


@dataclass(frozen=True)
class Options(opening.Options):
    """What a person may set, besides when a suspect opens.

    Attributes:
        suspect_looks: suspect looks in a row that make a suspect.
        clear_looks: clear looks that resolve.
        filled_looks: looks in a row that show it filling, after which a new suspicion begins anew.
        bounded_looks: looks in a row that show an open leak filling, after which it was a cache after all.
    """

    suspect_looks: int = 2
    clear_looks: int = 5
    filled_looks: int = 12
    bounded_looks: int = 48


@dataclass(frozen=True)
class Event:
    """What a person should be told."""

    kind: Literal["leak.firing", "leak.resolved"]
    leak: Leak


@dataclass(frozen=True)
class Seen:
    """One look at what may be a leak: the verdict, and the facts beside it."""

    id: str
    service: str
    environment: str
    kind: Literal["site", "objects", "native"]
    site: Site | None
    type_name: str | None
    verdict: Verdict
    live_bytes: int
    survivor_bytes: int | None
    release: str | None
    earlier_release: str | None = None
    forecast: Forecast | None = None
    advice: Advice | None = None


def advance(leak: Leak | None, seen: Seen, now: float, options: Options) -> tuple[Leak | None, Event | None]:
    """The leak after one more look, and what to tell; None where there is nothing (more) to remember.

    Args:
        leak: what was known, None if nothing.
        now: seconds since the epoch.
    """
    if leak is None:
        if not (seen.verdict.suspect or seen.verdict.filling):
            return None, None
        leak = _new(seen, now)
    leak = _counted(_updated(leak, seen, now), seen.verdict)
    return _STEPS[leak.status](leak, seen, options)


def shown(leak: Leak, options: Options) -> bool:
    """Whether it is more than a first impression, which one look is."""
    return leak.status in ("open", "resolved", "muted") or leak.state["held_looks"] >= options.suspect_looks


def resolved(leak: Leak) -> tuple[Leak, Event | None]:
    """Resolved by hand: in its release it stays so; without one, until it was seen clear and rises again."""
    state = {**leak.state, "resolved_in": leak.release, "quiet": True, "clear_looks": 0, "suspect_looks": 0}
    return _close(replace(leak, state=state))


def muted(leak: Leak, grown_bytes: float | None) -> Leak:
    """Muted by hand, for good or until it has grown by that many bytes per worker."""
    limit = None if grown_bytes is None else leak.state["grown_bytes"] + grown_bytes
    return replace(leak, status="muted", state={**leak.state, "mute_limit": limit})


def reopened(leak: Leak) -> tuple[Leak, Event | None]:
    """Reopened by hand."""
    return _open(replace(leak, state={**leak.state, "clear_looks": 0}))


def told(leak: Leak, now: float) -> Leak:
    """The leak once a firing of it was told; `due_again` counts from there."""
    return replace(leak, state={**leak.state, "told_at": now})


def due_again(leak: Leak, now: float, after_s: float) -> bool:
    """Whether a leak that was told `after_s` seconds ago is open and was seen since, so that it's worth telling again.

    One whose service has gone silent isn't: nobody knows whether it still leaks.
    """
    return leak.status == "open" and repeats(leak.state.get("told_at", leak.first_seen), leak.last_seen, now, after_s)


def repeats(told_at: float, last_seen: float, now: float, after_s: float) -> bool:
    """Whether what lasts, a leak or a finding, is worth telling again: told `after_s` seconds ago, and seen since."""
    return now - told_at >= after_s and last_seen > told_at


def _new(seen: Seen, now: float) -> Leak:
    state: dict[str, Any] = {
        "suspect_looks": 0,
        "filling_looks": 0,
        "clear_looks": 0,
        "held_looks": 0,
        "suspected_bytes": None,
        "grown_bytes": 0.0,
        "fired": False,
        "quiet": False,
        "earlier_release": seen.earlier_release,
    }
    return Leak(
        id=seen.id,
        service=seen.service,
        environment=seen.environment,
        kind=seen.kind,
        status="suspect" if seen.verdict.suspect else "filling",
        site=seen.site,
        type_name=seen.type_name,
        bytes_per_hour=0.0,
        bytes_per_hour_low=0.0,
        bytes_per_hour_high=0.0,
        bytes_per_request=None,
        live_bytes=0,
        survivor_bytes=None,
        workers=0,
        generations=0,
        confidence=0.0,
        first_seen=now,
        last_seen=now,
        release=seen.release,
        evidence="",
        state=state,
    )


def _updated(leak: Leak, seen: Seen, now: float) -> Leak:
    """The facts of this look; what a clear look measures (nothing) doesn't overwrite how fast it leaked."""
    leak = replace(leak, live_bytes=seen.live_bytes, survivor_bytes=seen.survivor_bytes)
    verdict = seen.verdict
    if not (verdict.suspect or verdict.filling):
        return leak
    return replace(
        leak,
        site=seen.site,
        type_name=seen.type_name,
        bytes_per_hour=verdict.bytes_per_hour,
        bytes_per_hour_low=verdict.low,
        bytes_per_hour_high=verdict.high,
        bytes_per_request=verdict.bytes_per_request,
        workers=verdict.workers_rising,
        generations=verdict.generations_rising,
        confidence=0.5 * (1 + erf(verdict.z / sqrt(2))),
        last_seen=now,
        evidence=verdict.evidence,
        bytes_per_request_low=verdict.bytes_per_request_low,
        bytes_per_request_high=verdict.bytes_per_request_high,
        ceiling_bytes=verdict.ceiling_bytes,
        forecast=seen.forecast,
        advice=seen.advice,
        state={
            **leak.state,
            "grown_bytes": verdict.grown_bytes,
            "rose_in": seen.release,
            "age_h": verdict.age_h,
        },
    )


def _counted(leak: Leak, verdict: Verdict) -> Leak:
    state = dict(leak.state)
    state["suspect_looks"] = state["suspect_looks"] + 1 if verdict.suspect else 0
    state["filling_looks"] = state["filling_looks"] + 1 if verdict.filling else 0
    # A look that can't say (too irregular, too young a release) neither clears nor accuses.
    state["clear_looks"] = state["clear_looks"] + 1 if verdict.clear else 0 if verdict.suspect else state["clear_looks"]
    state["held_looks"] += verdict.suspect or verdict.filling
    state |= opening.lasting(state, verdict)
    if verdict.suspect and state["suspected_bytes"] is None:
        state |= opening.first_suspected(verdict)
    return replace(leak, state=state)


def _suspect(leak: Leak, seen: Seen, options: Options) -> tuple[Leak | None, Event | None]:
    state = leak.state
    first_impression = state["held_looks"] < options.suspect_looks
    if state["clear_looks"] >= options.clear_looks or (first_impression and not seen.verdict.suspect):
        return None, None
    if state["filling_looks"] >= options.suspect_looks:
        return replace(leak, status="filling"), None
    return _open(leak) if opening.opens(leak, seen.verdict, options) else (leak, None)


def _filling(leak: Leak, seen: Seen, options: Options) -> tuple[Leak | None, Event | None]:
    state = leak.state
    first_impression = state["held_looks"] < options.suspect_looks
    if state["clear_looks"] >= options.clear_looks or (first_impression and not seen.verdict.filling):
        return None, None
    if state["suspect_looks"] >= options.suspect_looks:
        return replace(leak, status="suspect"), None
    if state["filling_looks"] >= options.filled_looks:
        return replace(leak, state={**state, "suspected_bytes": None}), None
    return leak, None


def _is_open(leak: Leak, _seen: Seen, options: Options) -> tuple[Leak | None, Event | None]:
    if leak.state["clear_looks"] >= options.clear_looks:
        return _close(leak)
    if leak.state["filling_looks"] >= options.bounded_looks:
        closed, event = _close(leak)
        return replace(closed, status="filling", state={**closed.state, "suspected_bytes": None}), event
    return leak, None


def _resolved(leak: Leak, seen: Seen, options: Options) -> tuple[Leak | None, Event | None]:
    state = leak.state
    if state["quiet"]:
        new_release = state.get("resolved_in") is not None and seen.release != state["resolved_in"]
        if not (new_release or state["clear_looks"]):
            return leak, None
        leak = replace(leak, state={**state, "quiet": False, "suspect_looks": int(seen.verdict.suspect)})
    if leak.state["suspect_looks"] >= options.suspect_looks:
        return _open(replace(leak, release=seen.release, state={**leak.state, "regressed": True}))
    return leak, None


def _muted(leak: Leak, seen: Seen, options: Options) -> tuple[Leak | None, Event | None]:
    limit = leak.state.get("mute_limit")
    if leak.state["clear_looks"] >= options.clear_looks:
        return _close(leak)
    if seen.verdict.suspect and limit is not None and seen.verdict.grown_bytes >= limit:
        return _open(leak)
    return leak, None


def _open(leak: Leak) -> tuple[Leak, Event | None]:
    leak = replace(leak, status="open", state={**leak.state, "fired": True, "quiet": False, "clear_looks": 0})
    return leak, Event("leak.firing", leak)


def _close(leak: Leak) -> tuple[Leak, Event | None]:
    fired = bool(leak.state["fired"])
    leak = replace(leak, status="resolved", state={**leak.state, "fired": False, "suspect_looks": 0})
    return leak, Event("leak.resolved", leak) if fired else None


_STEPS = {
    "suspect": _suspect,
    "filling": _filling,
    "open": _is_open,
    "resolved": _resolved,
    "muted": _muted,
}
