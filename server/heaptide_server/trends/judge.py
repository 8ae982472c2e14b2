"""The verdict on every row of one service in one environment, from the generations of its workers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heaptide_server.model import Floats, Ints
from heaptide_server.trends import explained, generations, pool, pooled, sieve
from heaptide_server.trends.evidence import sentence
from heaptide_server.trends.generations import Slot
from heaptide_server.trends.pooled import Pooled
from heaptide_server.trends.verdict import Generation, Options, Verdict

POOLED_Z = 4.4  # step 6: thousands of sites, less than one false alarm
# Where nothing is freed, noise is the count of samples alone, and a level that comes and goes, against which the others
# guard, is ruled out: twelve samples in all, five of them late, are enough to be suspect.
PURE_Z, PURE_LATE_Z = 3.5, 2.2
ROUGH = 0.02  # of the squares, left by the best shape: as much as a rise in some 25 steps leaves, or in so many samples
FEW_STEPS = 16  # of the 23 that an even rise has; what was sampled rarely, and bursts, have fewer
IN_STEP = 0.25  # a correlation of 0.2 is usual among two workers that have nothing in common
MANY_ROWS = 2000  # step 8
BETTER = 0.15  # log of the squares left: noise alone makes a bounded shape fit a little better
FAVOUR = 2.5
LATE = 0.5  # of a steady rise is in the late half
RAW = 0.4  # so much of a late rise must be there before the load is taken out of it
SLOWING, SLOWED = 0.92, 0.5  # step 5: late slope over early slope
CLEAR_Z, CLEAR_RATIO = 2.0, 0.3  # step 9
NINETY = 1.645  # normal quantile of a two-sided 90 % interval
HOUR_S = 3600.0


def judge(generations_: Sequence[Generation], options: Options) -> list[Verdict]:
    """Judges the rows of one service in one environment (DETECTION.md, "The method").

    Returns:
        A verdict for each row, or an empty list while no worker has been seen for long enough. Rows that hardly grew
        get theirs without a fit.
    """
    slots = generations.slots(generations_)
    if not slots:
        return []
    count = slots[0].lives[0].floors.shape[0]
    judged = generations.ripe(slots, options)
    if not judged or not count or generations.window(judged, "time", options) is None:
        return []
    rows = np.flatnonzero(_risen(judged, count) > sieve.SHARE * options.least_bytes)
    by_row = {verdict.row: verdict for verdict in _tested(judged, rows, options)}
    return [by_row.get(row) or _unmoved(row, len(judged)) for row in range(count)]


def _risen(slots: list[Slot], count: int) -> Floats:
    most = np.zeros(count)
    for slot in slots:
        rises = sum((sieve.rise(life.floors, life.age_s) for life in slot.lives), np.zeros(count))
        lives = max(1, len(slot.lives))
        most = np.maximum(most, rises * max(1.0, slot.completed / lives))
    return most


def _unmoved(row: int, workers: int) -> Verdict:
    return Verdict(
        row, False, True, False, 0.0, 0.0, 0.0, 0.0, None, 0.0, None, "time", 0, workers, 0, 0, "It doesn't grow."
    )


def _tested(slots: list[Slot], rows: Ints, options: Options) -> list[Verdict]:
    if not len(rows):
        return []
    time = pooled.over(slots, "time", rows, options)
    requests = pooled.over(slots, "requests", rows, options)
    if time is None:
        return []
    limit = max(POOLED_Z, pool.believable(time.whole_z) if len(rows) > MANY_ROWS else 0.0)
    # Where the load moves, the clock of time has the load's covariates to fit by, that of requests needs none.
    favour = 1.0 if time.steady_load else FAVOUR
    result = []
    for index, row in enumerate(rows):
        by_requests = (
            requests is not None
            and requests.workers[index] >= time.workers[index]
            and requests.residual[index] <= favour * time.residual[index]
        )
        best = requests if by_requests and requests is not None else time
        result.append(_verdict(int(row), index, best, requests, len(slots), limit, options))
    return result


def _verdict(
    row: int, i: int, best: Pooled, requests: Pooled | None, workers: int, limit: float, options: Options
) -> Verdict:
    per_hour = best.units_per_s * HOUR_S
    slope, error, z, ratio = (float(x[i]) for x in (best.slope, best.error, best.z, best.ratio))
    present, voting = int(best.workers[i]), int(best.votes[i])
    sized = best.grown[i] >= options.least_bytes and slope * per_hour * 24 >= options.least_bytes_per_day
    pure = bool(best.kept[i] > explained.KEEPS_ALL)
    late_z, whole_z = (PURE_LATE_Z, limit - POOLED_Z + PURE_Z) if pure else (pooled.STILL_Z, limit)
    sure = z > late_z and float(best.whole_z[i]) > whole_z and not best.elastic[i]
    together = sure and bool(best.steady[i]) and present > 0 and 2 * voting >= present and 2 * present >= workers
    rising = bool((together and sized) or best.lone[i])
    slowing = ratio < SLOWED or (ratio < SLOWING and float(best.lead[i]) > BETTER)
    generations_rose = best.rising[i] > 2 * best.falling[i] or best.lives[i] <= max(voting, 1)
    suspect = (
        rising
        and best.late_grown[i] > RAW * LATE * best.grown[i] * min(ratio, 1.0)
        and not slowing
        and bool(generations_rose)
    )
    filling = rising and slowing
    spread = NINETY * float(np.hypot(error, slope * best.units_error))
    per_request = float(requests.slope[i]) if requests is not None and requests.workers[i] else None
    verdict = Verdict(
        row=row,
        suspect=suspect,
        clear=not suspect and not filling and ((z < CLEAR_Z and not voting) or ratio < CLEAR_RATIO),
        filling=filling,
        z=z,
        bytes_per_hour=slope * per_hour * present,
        low=(slope - spread) * per_hour * present if present else 0.0,
        high=(slope + spread) * per_hour * present if present else 0.0,
        bytes_per_request=per_request,
        grown_bytes=float(best.grown[i]),
        ceiling_bytes=float(best.ceiling[i]) if filling else None,
        clock=best.clock,
        workers_rising=voting,
        workers=present,
        generations_rising=int(best.rising[i]),
        generations=int(best.lives[i]),
        evidence="",
        ratio=ratio,
        late_bytes=float(best.late_grown[i]),
        stepwise=bool(2 * best.rising[i] < best.lives[i] or best.residual[i] > ROUGH),
        steps=float(best.steps[i]),
        in_step=bool(best.steps[i] < FEW_STEPS and best.in_step[i] > IN_STEP),
        bytes_per_request_low=None
        if per_request is None or requests is None
        else per_request - NINETY * float(requests.error[i]),
        bytes_per_request_high=None
        if per_request is None or requests is None
        else per_request + NINETY * float(requests.error[i]),
        age_h=best.age_s / HOUR_S,
        lived=best.lived,
        jump_bytes_per_hour=float(best.jumps[i]) * np.sqrt(per_hour) * present,
        rate_now=best.rate_now,
        rate_spread=best.rate_spread,
    )
    return sentence(verdict, steady_load=best.steady_load)
