"""All worker slots on one clock: each one's fit and vote, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats, Ints
from heaptide_server.trends import explained, fit, generations, pool, saturation, votes
from heaptide_server.trends.generations import Clock, Curves, Slot
from heaptide_server.trends.verdict import Options

LONE_Z = 5.5  # of the whole window; DETECTION.md, step 6, asks for 6.5 of the late half alone
PURE_LONE_Z = 4.5  # where nothing is freed and samples are the only noise: some twenty of them
LONE_OTHERS = 0.3  # of its rise: where all rise, one alone proves nothing
LONE_SIZE = 2.0  # the same step
STILL_Z = 3.0  # the late half alone, where the whole is sure
SAME = 0.2  # of the largest worker's rise, to rise with it; of the usual rise, for a fall to count
VOTE_Z = 1.0  # of one worker; together they must be far surer
SURE = 1e-6  # an error never counts as smaller than this share of its slope: levels travel as rounded numbers
RATE_BLOCKS = 6
FEW_SAMPLES = 8  # a life with fewer can't show whether it rose in one step
SMALL = 1e-9
DAY_S = 86400.0


@dataclass(frozen=True)
class Pooled:
    """All slots on one clock. Shapes are (rows,); slopes are bytes per unit of the clock and worker.

    Attributes:
        z: the pooled late slope over its error; `whole_z` that of the rise over the whole window.
        lone: 1.0 where one worker alone is sure enough.
        steady: 1.0 where the voters' mean curve rises steadily, and not in one step.
        steps, in_step: see `votes.steps`, of the voters' mean curve, and `votes.in_step`.
        residual: share of the sum of squares that the best shape of either family leaves, of the workers that vote.
        ratio: late slope over early slope; infinite where it didn't rise early.
        lead: log of how much better the best bounded shape fits than the best unbounded one.
        ceiling: bytes above the levels' start at which it will stop, over all workers.
        grown: bytes, the mean of the workers that vote; `late_grown`: in the late halves of all their lives.
        rising, falling, lives: generations of the workers that vote that rose late, that fell, of how many.
        units_error: standard error of the request rate, as a share of it; 0 on the clock of time.
        jumps: standard deviation of what a worker's mean curve adds in one unit of the clock, as a walk.
        rate_now, rate_spread: see `Verdict`.
        age_s: a worker's age at the end of the window.
        lived: reports of the slot that is known best, over all its lives, in multiples of the least.
        elastic: 1.0 where the load rose late by as much as the level, each as a share of itself.
        kept: share of the bytes ever allocated that live still, 0 where the tracer doesn't tell.
        weight: bytes that one of the tracer's samples stands for.
    """

    clock: Clock
    slope: Floats
    error: Floats
    z: Floats
    whole_z: Floats
    lone: Floats
    votes: Floats
    steady: Floats
    steps: Floats
    in_step: Floats
    workers: Floats
    residual: Floats
    ratio: Floats
    lead: Floats
    ceiling: Floats
    grown: Floats
    late_grown: Floats
    rising: Floats
    falling: Floats
    lives: Floats
    weight: Floats
    kept: Floats
    elastic: Floats
    units_per_s: float
    units_error: float
    jumps: Floats
    rate_now: float
    rate_spread: float
    age_s: float
    lived: float
    steady_load: bool


def over(slots: Sequence[Slot], clock: Clock, rows: Ints, options: Options) -> Pooled | None:
    """Fits each slot's joined curve on a clock and pools them; None where they can't be seen on it."""
    window = generations.window(slots, clock, options)
    if window is None:
        return None
    curves = generations.join(slots, clock, window, rows, options)
    count, (shape) = len(slots), curves.joined.shape
    load = fit.covariates(curves.rates)
    line = fit.hinge(curves.joined.reshape(-1, shape[2]), window.u, load)
    kept = explained.kept(slots)[rows]
    elastic, own_elastic = np.zeros(len(rows), dtype=np.bool_), np.zeros(shape[:2], dtype=np.bool_)
    if load.shape[1]:
        alone = fit.hinge(curves.joined.reshape(-1, shape[2]), window.u, load[:, :0])
        proportional, keeps = explained.proportional(clock, curves, alone), kept > explained.KEEPS_ALL
        # All workers of a row alike: else the one whose noise looks least like the load would stand out.
        line = fit.choose(line, alone, np.tile(proportional | keeps | explained.falls(curves, line), count))
        own_elastic, elastic = (one & ~proportional for one in explained.elastic(curves, keeps))
    raw = curves.joined[:, :, -1] - curves.joined[:, :, shape[2] // 2]
    late, early = line.late.reshape(shape[:2]), line.early.reshape(shape[:2])
    adjusted = line.adjusted.reshape(shape)
    weight = _weight(slots, rows)
    lives = np.array([(curves.owner == index).sum() for index in range(count)], dtype=np.float64)[:, None]
    between = _between(curves, line.functional)
    counted = _counted(late, weight, lives)
    error = np.sqrt(np.maximum(line.error.reshape(shape[:2]) ** 2, counted) + between)
    error = _at_least(error, late)
    # Variances of the mean of both halves: as the fit leaves it, as samples are drawn, as generations vary.
    fitted, drawn, varied = line.whole_error.reshape(shape[:2]) ** 2, counted / 2, between / 2
    whole_error = _at_least(np.sqrt(np.maximum(fitted, drawn) + varied), late)
    present = curves.present
    vote = present * ((late > VOTE_Z * error) & (late > SAME * late.max(axis=0)))
    voters = np.where(vote.any(axis=0), vote, present)
    share = voters / np.maximum(voters.sum(axis=0), 1)
    slope, together = pool.random_effects(late / window.length, error / window.length, present)
    mean = (share[:, :, None] * adjusted).sum(axis=0)
    steady = votes.steady(mean)
    grown = generations.growth(slots, curves)
    units = float(np.mean([_units_per_s(slot, clock) for slot in slots]))
    z = pool.normal_score(late / error, line.degrees)
    whole_of = (early + late) / 2
    sized = (grown > LONE_SIZE * options.least_bytes) & (
        late / window.length * units * DAY_S >= options.least_bytes_per_day
    )
    lone_z = np.minimum(
        pool.normal_score(whole_of / _at_least(np.sqrt(fitted + varied), whole_of), line.degrees),
        whole_of / _at_least(np.sqrt(drawn + varied), whole_of),  # known, so without Student's heavy tails
    )
    lone_limit = np.where(kept > explained.KEEPS_ALL, PURE_LONE_Z, LONE_Z)
    others = (raw.sum(axis=0) - raw) / max(count - 1, 1)
    risen = (lone_z > lone_limit) & (z > STILL_Z) & (vote > 0) & sized & steady
    sure = (others < LONE_OTHERS * raw) & risen & ~own_elastic
    rises, spread, owner = generations.late_rises(curves)
    spread |= (share * late).sum(axis=0) / 2 < FEW_SAMPLES * weight
    lived = generations.lived(slots, curves)[:, None]
    voting = voters[owner] if len(owner) else np.zeros((0, len(rows)))
    shapes = saturation.compare(mean, window.u, window.start)
    rise = (share * early).sum(axis=0)
    whole_slope, whole_together = pool.random_effects(whole_of, whole_error, present)
    counted_z, counted_whole_z = _one_count(adjusted, present, window.u, kept > explained.KEEPS_ALL)
    return Pooled(
        clock=clock,
        slope=slope,
        error=together,
        z=np.maximum(pool.normal_score(slope / together, line.degrees * count), counted_z),
        whole_z=np.maximum(pool.normal_score(whole_slope / whole_together, line.degrees * count), counted_whole_z),
        lone=np.asarray(sure.any(axis=0), dtype=np.float64),
        votes=vote.sum(axis=0),
        steady=np.asarray(steady, dtype=np.float64),
        steps=votes.steps(mean),
        in_step=votes.in_step(curves.joined),
        workers=present.sum(axis=0),
        residual=np.minimum(shapes.bounded, shapes.unbounded) + SMALL,
        ratio=np.where(rise > 0, (share * late).sum(axis=0) / np.where(rise > 0, rise, 1), np.inf),
        lead=np.log((shapes.unbounded + SMALL) / (shapes.bounded + SMALL)),
        ceiling=shapes.ceiling * present.sum(axis=0),
        grown=(share * grown).sum(axis=0),
        late_grown=(share * np.minimum(late / 2, raw) * lived).sum(axis=0),
        rising=((rises > 0) & spread & (voting > 0)).sum(axis=0).astype(np.float64),
        falling=((rises < -SAME * (share * late).sum(axis=0) / 2) & (voting > 0)).sum(axis=0).astype(np.float64),
        lives=(voting > 0).sum(axis=0).astype(np.float64),
        weight=weight,
        kept=kept,
        elastic=np.asarray(elastic, dtype=np.float64),
        units_per_s=units,
        jumps=fit.walk_error(mean) / fit.WALK / np.sqrt(window.length),
        rate_now=_rate_now(curves.rates) if clock == "requests" else 1.0,
        rate_spread=_rate_spread(curves.rates) if clock == "requests" else 0.0,
        units_error=_rate_error(curves.rates) if clock == "requests" else 0.0,
        lived=max(sum(len(life.age_s) * life.width for life in slot.lives) for slot in slots) / options.least_intervals,
        age_s=float(window.edges[-1]) / max(units, SMALL),
        steady_load=not load.shape[1],
    )


def _at_least(error: Floats, slope: Floats) -> Floats:
    return np.asarray(np.maximum(error, SURE * np.abs(slope) + SMALL))


def _one_count(adjusted: Floats, present: Floats, u: Floats, pure: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """z of the late slope and of the whole rise of the workers' mean curve, shapes (rows,); 0 for what isn't pure.

    Where nothing is freed, all workers' samples add up to one count, whose rise is far surer than the few jumps that
    each worker's own curve shows: a fit of each and their spread waste what there is.
    """
    late, whole = np.zeros(len(pure)), np.zeros(len(pure))
    if pure.any():
        weight = present[:, pure, None]
        mean = (weight * adjusted[:, pure]).sum(axis=0) / np.maximum(weight.sum(axis=0), 1)
        line = fit.hinge(mean, u, np.zeros((len(u), 0)))
        late[pure] = pool.normal_score(
            line.late / np.maximum(line.error, SURE * np.abs(line.late) + SMALL), line.degrees
        )
        rise = (line.early + line.late) / 2
        whole[pure] = pool.normal_score(rise / np.maximum(line.whole_error, SURE * np.abs(rise) + SMALL), line.degrees)
    return late, whole


def _weight(slots: Sequence[Slot], rows: Ints) -> Floats:
    """Bytes that one sample stands for: the variance of a level is that many times the level; 0 where exact."""
    lives = [life for slot in slots for life in slot.lives]
    level = sum((np.nan_to_num(life.floors[rows, -1]) for life in lives), np.zeros(len(rows)))
    variance = sum((life.variance[rows] for life in lives), np.zeros(len(rows)))
    return np.where(level > 0, variance / np.maximum(level, 1.0), 0.0)


def _counted(late: Floats, weight: Floats, lives: Floats) -> Floats:
    """Variance of a late slope, as far as it comes from counting samples: (slots, rows).

    What a sampled leak adds in a half is a Poisson number of samples, so its variance is the growth times a sample's
    weight; over all lives together never less than one sample's. A slope per window is twice the growth in a half.
    """
    usual = np.maximum(late.mean(axis=0), late) / 2
    return np.asarray(4 * weight * np.maximum(usual, weight / lives) / lives)


def _between(curves: Curves, functional: Floats) -> Floats:
    """Variance of each slot's mean late slope as its generations show it; 0 with under three whole ones."""
    result = np.zeros(curves.present.shape)
    for index in range(len(result)):
        own = curves.each[curves.owner == index]
        usable = own[np.isfinite(own).any(axis=1)[:, -1]]
        if len(usable) >= 3:
            slopes = np.nan_to_num(usable) @ functional
            result[index] = slopes.var(axis=0, ddof=1) / len(usable)
    return result


def _rate_error(rates: Floats) -> float:
    """How far the mean of the request rate may be off, as a share: from blocks, since neighbours are alike."""
    known = rates[np.isfinite(rates)]
    blocks = np.array([block.mean() for block in np.array_split(known, RATE_BLOCKS)]) if len(known) else known
    if len(known) < RATE_BLOCKS or blocks.mean() <= 0:
        return 0.0
    return float(blocks.std(ddof=1) / np.sqrt(RATE_BLOCKS) / blocks.mean())


def _rate_now(rates: Floats) -> float:
    """The rate in the last quarter over the mean one; a bucket holds equal work, so the mean in time is harmonic."""
    late = rates[-max(len(rates) // 4, 1) :]
    if not (rates > 0).all():
        return 1.0
    return float(np.mean(1 / rates) / np.mean(1 / late))


def _rate_spread(rates: Floats) -> float:
    known = rates[rates > 0]
    if len(known) < RATE_BLOCKS:
        return 0.0
    return float(np.log([block.mean() for block in np.array_split(known, RATE_BLOCKS)]).std(ddof=1))


def _units_per_s(slot: Slot, clock: Clock) -> float:
    if clock == "time":
        return 1.0
    lived = sum(float(life.age_s[-1]) for life in slot.lives)
    return sum(float(life.requests[-1]) for life in slot.lives) / lived if lived > 0 else 0.0
