"""The life of a leak: suspect, filling, open, resolved, muted. Pure: one look in, the next state out.

    nothing --2 suspect looks--> suspect --growth doubled, still suspect, or for long--> open --5 clear--> resolved
    nothing or suspect --2 filling looks--> filling          resolved --2 suspect looks--> open again, without doubling
    suspect or filling --5 clear looks--> nothing            muted --grown by X--> open

DETECTION.md, step 9: growth must reach a multiple of what it was at the first suspicion, so that a cache already past
half of its capacity when first suspected can't pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import erf, sqrt
from typing import Any, Literal

from heaptide_server.model import Advice, Forecast, Leak, Site
from heaptide_server.trends.verdict import Verdict

REPEATED = 0.75  # of the generations: some are too young, or too idle, to show it


@dataclass(frozen=True)
class Options:
    """What a person may set.

    Attributes:
        open_growth: multiple of the growth at the first suspicion at which a suspect opens (2 in DETECTION.md).
        whole_growth: the same of the growth over the whole window, which what was there before dilutes.
        stepwise_growth: times more of both, for what rises in steps: lazy imports do, until they end.
        suspect_looks: suspect looks in a row that make a suspect.
        clear_looks: clear looks that resolve.
        slowed: late slope over early slope, as a share of what it was at the first suspicion, below which a suspect
            doesn't open: a leak that slows down keeps its ratio, as a power law does, and a cache that fills loses it.
        bounded_looks: looks in a row that show an open leak filling, after which it was a cache after all.
        dwell_looks: looks that a suspect stays one at the least. A look follows when the window has grown by a bucket.
        opening_looks: suspect looks in a row that open a suspect.
        patience: multiples of the least time for which a suspicion lasts before it opens, unless generations repeat it,
            or memory may end within as long as a worker has lived: the fills of the first hours, and of a backlog
            later, look like leaks.
        lasting: what was suspect for so long, in multiples of the time at which the suspicion began, opens whatever it
            has grown by: what filled first, or steps, compares badly with its own beginning.
        lasting_lives: multiples of the least time before which nothing has lasted.
    """

    open_growth: float = 2.0
    whole_growth: float = 1.2
    stepwise_growth: float = 2.0
    suspect_looks: int = 2
    clear_looks: int = 5
    dwell_looks: int = 12
    bounded_looks: int = 24
    slowed: float = 0.7
    opening_looks: int = 8
    patience: float = 1.25
    lasting: float = 1.5
    lasting_lives: float = 8.0


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
        "suspect_from": None,
        "missed_looks": 0,
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
    state |= _lasting(state, verdict)
    if verdict.suspect and state["suspected_bytes"] is None:
        state["suspected_bytes"] = verdict.late_bytes
        state["suspected_grown_bytes"] = verdict.grown_bytes
        state["suspected_at_look"] = state["held_looks"]
        state["suspected_lived"] = verdict.lived
        state["suspected_ratio"] = min(verdict.ratio, 1.0)
    return replace(leak, state=state)


def _lasting(state: dict[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Since when it is suspect, as `Verdict.lived`; one look that can't say doesn't end that, a second one does."""
    missed = 0 if verdict.suspect else state.get("missed_looks", 0) + 1
    since = state.get("suspect_from")
    if verdict.filling or missed > 1:
        since = None
    elif verdict.suspect and since is None:
        since = verdict.lived
    return {"suspect_from": since, "missed_looks": missed}


def _suspect(leak: Leak, seen: Seen, options: Options) -> tuple[Leak | None, Event | None]:
    state = leak.state
    first_impression = state["held_looks"] < options.suspect_looks
    if state["clear_looks"] >= options.clear_looks or (first_impression and not seen.verdict.suspect):
        return None, None
    if state["filling_looks"] >= options.suspect_looks:
        return replace(leak, status="filling"), None
    dwelt = state["held_looks"] - state.get("suspected_at_look", 0) >= options.dwell_looks
    if state["suspect_looks"] < options.opening_looks or not dwelt:
        return leak, None
    if not (_patient(state, seen.verdict, options) or _repeated(seen.verdict) or _urgent(leak)):
        return leak, None
    if _gone_on(state, seen.verdict, options) or _lasted(state, seen.verdict, options):
        return _open(leak)
    return leak, None


def _patient(state: dict[str, Any], verdict: Verdict, options: Options) -> bool:
    return bool(verdict.lived >= state.get("suspected_lived", 0.0) + options.patience)


def _repeated(verdict: Verdict) -> bool:
    """Whether it rose again in later generations: a fill that each life repeats would have shown in the first ones."""
    several = verdict.generations > verdict.workers
    return several and verdict.generations_rising >= REPEATED * verdict.generations


def _urgent(leak: Leak) -> bool:
    """Whether memory may end within as long as a worker has lived."""
    forecast = leak.forecast
    return forecast is not None and forecast.low - leak.last_seen <= 3600 * leak.state.get("age_h", 0.0)


def _lasted(state: dict[str, Any], verdict: Verdict, options: Options) -> bool:
    since = state.get("suspect_from")
    return bool(
        since is not None
        and verdict.lived >= max(options.lasting_lives, options.lasting * since)
        and verdict.ratio >= options.slowed
    )


def _gone_on(state: dict[str, Any], verdict: Verdict, options: Options) -> bool:
    """Whether it has grown on by enough since it was first suspected.

    A worker that was young then had shown little: growth must double. The longer it had lived by then, the more of the
    caches that fill had shown their bound: only as much again is asked as a steady leak adds in the least time.
    """
    more = options.stepwise_growth if verdict.stepwise else 1.0
    young = 1 / max(state.get("suspected_lived", 1.0), 1.0)
    late, whole = (more * (1 + (part - 1) * young) for part in (options.open_growth, options.whole_growth))
    return bool(
        verdict.late_bytes >= late * (state["suspected_bytes"] or 0.0)
        and verdict.grown_bytes >= whole * state.get("suspected_grown_bytes", 0.0)
        and verdict.ratio >= options.slowed * state.get("suspected_ratio", 0.0)
    )


def _filling(leak: Leak, seen: Seen, options: Options) -> tuple[Leak | None, Event | None]:
    state = leak.state
    first_impression = state["held_looks"] < options.suspect_looks
    if state["clear_looks"] >= options.clear_looks or (first_impression and not seen.verdict.filling):
        return None, None
    if state["suspect_looks"] >= options.suspect_looks:
        return replace(leak, status="suspect"), None
    if state["filling_looks"] >= options.dwell_looks:
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
