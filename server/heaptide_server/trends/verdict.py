"""What goes into a look at the trends, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from heaptide_server.model import Floats


@dataclass(frozen=True)
class Generation:
    """One life of a worker, its levels cut into buckets of its own intervals.

    Attributes:
        slot: the worker's slot: host and number. Generations of one slot follow each other.
        number: the generation within the slot, ascending.
        release: releases end a series; None is a release like any other.
        ended: the worker has ended.
        started_at: seconds since the epoch.
        age_s: shape (n,): worker's age at the end of each bucket, ascending.
        requests: shape (n,): requests served since the worker's start, never descending.
        floors: shape (rows, n): the lowest live bytes seen in each bucket; NaN before a row was first seen.
        variance: shape (rows,): variance of a floor that comes from the tracer's sampling, in bytes squared; zeros
            where the tracer is exact.
        live, allocated: shape (rows,): bytes that live at its end, and bytes ever allocated; the latter is zero where
            the tracer doesn't tell.
        width: reports in a bucket.
        forgotten: how many earlier generations of the slot, all of this release, are no longer kept.
    """

    slot: str
    number: int
    release: str | None
    ended: bool
    started_at: float
    age_s: Floats
    requests: Floats
    floors: Floats
    variance: Floats
    live: Floats
    allocated: Floats
    width: int = 1
    forgotten: int = 0


@dataclass(frozen=True)
class Options:
    """What a person may set. Everything else counts in intervals and requests, so it needs no setting.

    Attributes:
        least_bytes_per_day: growth that is worth a word, per worker (DETECTION, step 8).
        least_bytes: growth so far, per worker, below which nothing is said (the same step).
        least_intervals: reports of a worker before it is judged. A cache that fills within twice as many can't be
            convicted, since a leak must double after it was first suspected.
    """

    least_bytes_per_day: float = float(1 << 20)
    least_bytes: float = float(1 << 19)
    least_intervals: int = 48


@dataclass(frozen=True)
class Verdict:
    """What the trends say of one row at one look.

    Attributes:
        row: the row's index in the generations' `floors`.
        suspect: rising, and not explained by load, warm-up, a step, a sawtooth, or a bound in sight.
        clear: neither suspect nor near it.
        filling: it rises, but slows down or fits a bounded shape better: a cache on its way to its capacity.
        z: the pooled late slope over its standard error.
        bytes_per_hour, low, high: growth of the whole service per hour over its workers with a 90 % interval.
        bytes_per_request: where requests were served; `_low` and `_high`: a 90 % interval.
        age_h: hours of a worker's life that the window reaches to.
        grown_bytes: rise of the floor since the warm-up, per worker (median), within generations.
        ceiling_bytes: where a filling row is expected to stop, over all workers; None where no bound is in sight.
        clock: the clock that explains the growth better.
        workers_rising, workers: how many worker slots vote "rising", of how many.
        generations_rising, generations: the same for generations.
        evidence: one sentence that a developer believes.
        late_bytes: rise per worker in the late half of the window, over all generations: what must double.
        stepwise: it rose in steps, or few samples show it: fewer than half of the generations rose evenly, or no shape
            fits well.
        steps: how many equal steps would rise as unevenly; some 23 for an even rise.
        in_step: it rises in few steps, which come to all workers at once: then they are one observation, not many.
        lived: reports of the worker slot that is known best, over all its lives, in multiples of the least.
        jump_bytes_per_hour: standard deviation of what the whole service adds in one hour, as a walk of jumps; that of
            t hours is sqrt(t) times as much.
        rate_now, rate_spread: the request rate of late over the mean one, and the standard deviation of its logarithm
            between parts of the window; 1 and 0 on the clock of time.
        ratio: late slope over early slope: 1 for a steady rise, near 0 for one that has ended.
    """

    row: int
    suspect: bool
    clear: bool
    filling: bool
    z: float
    bytes_per_hour: float
    low: float
    high: float
    bytes_per_request: float | None
    grown_bytes: float
    ceiling_bytes: float | None
    clock: Literal["requests", "time"]
    workers_rising: int
    workers: int
    generations_rising: int
    generations: int
    evidence: str
    ratio: float = 1.0
    late_bytes: float = 0.0
    stepwise: bool = False
    steps: float = inf
    in_step: bool = False
    bytes_per_request_low: float | None = None
    bytes_per_request_high: float | None = None
    age_h: float = 0.0
    lived: float = 1.0
    jump_bytes_per_hour: float = 0.0
    rate_now: float = 1.0
    rate_spread: float = 0.0
