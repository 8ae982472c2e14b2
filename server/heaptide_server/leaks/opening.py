"""When a suspect opens, and somebody is woken. Pure: what is known of a suspicion and one more look in, yes or no out.

A cache that fills, imports that come one by one and a backlog all look like a leak at first. What opens has grown on
since it was first suspected (DETECTION.md, step 9), or was suspect for a good part of a long life.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heaptide_server.model import Leak
from heaptide_server.trends.verdict import Verdict

REPEATED = 0.75  # of the generations: some are too young, or too idle, to show it


@dataclass(frozen=True)
class Options:
    """What a person may set. Times are in multiples of the least time, as `Verdict.lived`.

    Attributes:
        opening_looks: suspect looks in a row that open a suspect.
        least_steps: what has risen in fewer steps opens only with more of them.
        least_lives, patience: a suspicion opens when a worker has lived for so long, and since the first suspicion for
            so long, unless generations repeat it or memory may end within as long as a worker has lived: the fills of
            the first hours, and of a backlog later, look like leaks.
        in_step_lives: the least life where all workers rise in the same few steps: they are one observation, not one
            each, and imports that come one by one, a worker's slowest fill, end by then.
        open_growth: multiple of the growth at the first suspicion at which a suspect opens (2 in DETECTION.md).
        whole_growth: the same of the growth over the whole window, which what was there before dilutes.
        whole_lives: where the first suspicion came after so long, the whole window no longer counts: its warm-up, which
            is left out, moves on and takes the first fills with it, so that a window shrinks while a leak goes on.
        stepwise_growth: times more of both, for what rises in steps: lazy imports do, until they end.
        slowed: late slope over early slope, as a share of what it was at the first suspicion, below which a suspect
            doesn't open: a leak that slows down keeps its ratio, as a power law does, and a cache that fills loses it.
        lasting: what was suspect for so long, in multiples of the time at which the suspicion began, opens whatever it
            has grown by: what filled first, or steps, compares badly with its own beginning.
        lasting_lives: the life before which nothing has lasted.
    """

    opening_looks: int = 8
    least_steps: float = 5.5
    least_lives: float = 2.5
    patience: float = 1.0
    in_step_lives: float = 6.0
    open_growth: float = 2.0
    whole_growth: float = 1.2
    whole_lives: float = 6.0
    stepwise_growth: float = 2.5
    slowed: float = 0.6
    lasting: float = 1.5
    lasting_lives: float = 8.0


def opens(leak: Leak, verdict: Verdict, options: Options) -> bool:
    """Whether a suspect opens with this look."""
    state = leak.state
    if state["suspect_looks"] < options.opening_looks or verdict.steps < options.least_steps:
        return False
    if not (_patient(state, verdict, options) or _repeated(verdict) or _urgent(leak)):
        return False
    return _gone_on(state, verdict, options) or _lasted(state, verdict, options)


def first_suspected(verdict: Verdict) -> dict[str, float]:
    """What a look at the first suspicion leaves behind, for `opens` to compare with."""
    return {
        "suspected_bytes": verdict.late_bytes,
        "suspected_grown_bytes": verdict.grown_bytes,
        "suspected_lived": verdict.lived,
        "suspected_ratio": min(verdict.ratio, 1.0),
    }


def lasting(state: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """Since when it is suspect, as `Verdict.lived`; one look that can't say doesn't end that, a second one does."""
    missed = 0 if verdict.suspect else state.get("missed_looks", 0) + 1
    since = state.get("suspect_from")
    if verdict.filling or missed > 1:
        since = None
    elif verdict.suspect and since is None:
        since = verdict.lived
    return {"suspect_from": since, "missed_looks": missed}


def _patient(state: Mapping[str, Any], verdict: Verdict, options: Options) -> bool:
    least = options.in_step_lives if verdict.in_step else options.least_lives
    return bool(verdict.lived >= max(least, state.get("suspected_lived", 0.0) + options.patience))


def _repeated(verdict: Verdict) -> bool:
    """Whether it rose again in later generations: a fill that each life repeats would have shown in the first ones."""
    several = verdict.generations > verdict.workers
    return several and verdict.generations_rising >= REPEATED * verdict.generations


def _urgent(leak: Leak) -> bool:
    """Whether memory may end within as long as a worker has lived."""
    forecast = leak.forecast
    return forecast is not None and forecast.low - leak.last_seen <= 3600 * leak.state.get("age_h", 0.0)


def _lasted(state: Mapping[str, Any], verdict: Verdict, options: Options) -> bool:
    since = state.get("suspect_from")
    return bool(
        since is not None
        and verdict.lived >= max(options.lasting_lives, options.lasting * since)
        and verdict.ratio >= options.slowed
    )


def _gone_on(state: Mapping[str, Any], verdict: Verdict, options: Options) -> bool:
    """Whether it has grown on by enough since it was first suspected.

    A worker that was young then had shown little: growth must double, and more where it comes in steps. The longer it
    had lived by then, the more of the caches that fill had shown their bound: only as much again is asked as a steady
    leak adds in the least time.
    """
    times = options.stepwise_growth if verdict.stepwise else 1.0
    lived = state.get("suspected_lived", 1.0)
    young = 1 / max(lived, 1.0)
    late, whole = (1 + (times * part - 1) * young for part in (options.open_growth, options.whole_growth))
    return bool(
        verdict.late_bytes >= late * (state["suspected_bytes"] or 0.0)
        and (lived >= options.whole_lives or verdict.grown_bytes >= whole * state.get("suspected_grown_bytes", 0.0))
        and verdict.ratio >= options.slowed * state.get("suspected_ratio", 0.0)
    )
