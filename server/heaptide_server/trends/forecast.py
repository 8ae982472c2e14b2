"""When the memory limit is reached, and how many requests a worker may serve before it. DETECTION.md, "Forecast"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heaptide_server.model import Advice, Forecast
from heaptide_server.trends.verdict import Verdict

STUDENT_T = 1.761  # 95 % quantile with 14 degrees of freedom: a two-sided 90 % interval
NORMAL = 1.645
SLOWING = 0.85  # late slope over early slope below which a power law is continued, not a line; its inverse: above
STEEPEST = 3.5  # what began within the window isn't a power of the age
OWN_DOUBT = 0.1  # of the growth: the future isn't quite like the past
FARTHEST_H = 24.0 * 365
SAFE_SHARE = 0.8  # of a worker's share of the limit
JITTER = 0.15  # of max-requests, so that workers don't restart together
SHORTEST_LIFE_S = 600.0  # recycling more often than this would thrash


@dataclass(frozen=True)
class Memory:
    """The memory of the host that is nearest to its limit.

    Attributes:
        limit_bytes: the container's limit, for all its workers.
        used_bytes: the resident sets of all workers together.
        workers: living ones on the host; `share` of the service's workers that are on it, 0 to 1.
        settled_bytes: 95 % quantile over workers' lives of the resident set after warm-up.
        requests_per_s: of one worker.
    """

    limit_bytes: float
    used_bytes: float
    workers: int
    share: float
    settled_bytes: float
    requests_per_s: float


def exhaustion(verdict: Verdict, memory: Memory, now: float) -> Forecast | None:
    """When a leak takes the rest of the limit; None where its growth may as well be none, or is too slow to tell.

    Growth goes on at the late request rate. Its interval holds the doubt of the slope, of the load to come, and the
    jumps in which it grows; and both a straight rise and, where the halves of the window differ, the power law that
    they imply.
    """
    headroom = memory.limit_bytes - memory.used_bytes
    slope = verdict.bytes_per_hour * memory.share
    spread = (verdict.high - verdict.low) / 2 / NORMAL * memory.share
    doubt = STUDENT_T * float(np.hypot(spread, OWN_DOUBT * slope))
    if headroom <= 0 or slope - doubt <= 0:
        return None
    load = float(np.exp(NORMAL * verdict.rate_spread))
    jumps = STUDENT_T * verdict.jump_bytes_per_hour * memory.share
    expected = _by_power(headroom / (slope * verdict.rate_now), verdict)
    if expected > FARTHEST_H:
        return None
    soonest = _walked(headroom, (slope + doubt) * verdict.rate_now * load, jumps)
    latest = _walked(headroom, (slope - doubt) * verdict.rate_now / load, -jumps)
    low, high = min(soonest, _by_power(soonest, verdict)), max(latest, _by_power(latest, verdict))
    return Forecast(
        memory.limit_bytes,
        now + expected * 3600,
        now + low * 3600,
        now + high * 3600 if high < FARTHEST_H else None,
    )


def _walked(headroom: float, slope: float, jumps: float) -> float:
    """Hours t until slope * t + jumps * sqrt(t) has used up the headroom; the last such t where jumps are below 0."""
    root = (-jumps + float(np.sqrt(jumps**2 + 4 * slope * headroom))) / (2 * slope)
    return root**2


def _by_power(straight: float, verdict: Verdict) -> float:
    """Hours until so much has grown that a straight rise would take `straight` hours for it, by the halves' power."""
    if SLOWING <= verdict.ratio <= 1 / SLOWING or not 0 < verdict.ratio < STEEPEST or not verdict.age_h:
        return straight
    # grown ~ age^p; the halves of (0.12, 1) rise as 1 - 0.56^p and 0.56^p - 0.12^p: invert by the best of a few powers.
    powers = np.linspace(0.3, 2.5, 221)
    ratios = (1 - 0.56**powers) / (0.56**powers - 0.12**powers)
    power = float(powers[np.argmin(np.abs(ratios - verdict.ratio))])
    # Its slope now is p * grown / age: the time until it has grown by slope * straight more.
    age = verdict.age_h
    return float(age * (1 + power * straight / age) ** (1 / power) - age)


def advise(verdict: Verdict, memory: Memory) -> Advice | None:
    """How often to recycle a worker until the leak is fixed; None where it doesn't grow with requests."""
    if not verdict.bytes_per_request or verdict.bytes_per_request_high is None or verdict.bytes_per_request_high <= 0:
        return None
    room = SAFE_SHARE * memory.limit_bytes / max(memory.workers, 1) - memory.settled_bytes
    requests = int(room / verdict.bytes_per_request_high)
    life_s = requests / memory.requests_per_s if memory.requests_per_s > 0 else np.inf
    if requests <= 0 or life_s < SHORTEST_LIFE_S:
        text = (
            f"Recycling won't help: a worker has {max(room, 0) / 2**20:.0f} MiB of room, "
            f"which this leak fills in {max(life_s, 0) / 60:.0f} min. Fix it, or give the service more memory."
        )
        return Advice(None, None, text)
    rounded = _round_down(requests)
    jitter = max(1, int(JITTER * rounded))
    text = (
        f"Until it is fixed, recycle workers: --max-requests {rounded} --max-requests-jitter {jitter} "
        f"keeps each one below {SAFE_SHARE:.0%} of its share of the limit."
    )
    return Advice(rounded, jitter, text)


def _round_down(value: int) -> int:
    """To two leading digits: more would promise too much."""
    scale: int = 10 ** max(len(str(value)) - 2, 0)
    return value // scale * scale
