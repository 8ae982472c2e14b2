"""All worker slots on one clock: each one's fit and vote, and what they say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from heaptide_server.model import Floats, Ints
from heaptide_server.trends import fit, generations, pool, saturation, votes
from heaptide_server.trends.generations import Clock, Slot
from heaptide_server.trends.verdict import Options

LONE_Z = 6.5  # DETECTION.md, step 6
LONE_SIZE = 2.0  # the same step
SURE = 1e-6  # an error never counts as smaller than this share of its slope: levels travel as rounded numbers
SMALL = 1e-9
DAY_S = 86400.0


@dataclass(frozen=True)
class Part:
    """One slot on one clock. Shapes are (rows,); slopes are bytes per unit of the clock."""

    slope: Floats
    error: Floats
    z: Floats
    early: Floats
    late: Floats
    present: Floats
    vote: Floats
    grown: Floats
    rising: Floats
    lives: Floats
    shapes: saturation.Shapes
    degrees: int
    units_per_s: float
    steady_load: bool


@dataclass(frozen=True)
class Pooled:
    """All slots on one clock. Shapes are (rows,); slopes are bytes per unit of the clock and worker.

    Attributes:
        lone: 1.0 where one worker alone is sure enough.
        residual: share of the sum of squares that the best shape of either family leaves, of the workers that vote.
        ratio: late slope over early slope; infinite where it didn't rise early.
        bounded: 1.0 where a bounded shape fits better.
        ceiling: bytes above the levels' start at which it will stop, over all workers.
        grown: bytes, the median of the workers that vote.
        rising, lives: generations of the workers that vote that rose, of how many.
    """

    clock: Clock
    slope: Floats
    error: Floats
    z: Floats
    lone: Floats
    votes: Floats
    workers: Floats
    residual: Floats
    ratio: Floats
    bounded: Floats
    ceiling: Floats
    grown: Floats
    rising: Floats
    lives: Floats
    units_per_s: float
    steady_load: bool


def over(slots: Sequence[Slot], clock: Clock, rows: Ints, options: Options) -> Pooled | None:
    """Fits each slot's joined curve on a clock and pools them; None where no slot can be seen on it."""
    parts = [part for slot in slots if (part := _part(slot, clock, rows, options)) is not None]
    return _together(parts, clock, options) if parts else None


def _part(slot: Slot, clock: Clock, rows: Ints, options: Options) -> Part | None:
    window = generations.window(slot, clock, options)
    if window is None:
        return None
    curve = generations.join(slot, clock, window, rows, options)
    load = fit.covariates(curve.rates)
    line = fit.hinge(curve.floors, window.u, load)
    sampling = slot.lives[-1].variance[rows] / len(slot.lives) * float(line.functional @ line.functional)
    between = generations.slope_variance(curve, line.functional)
    error = np.sqrt(np.maximum(line.error**2, between) + sampling)
    error = np.maximum(error, SURE * np.abs(line.late) + SMALL)
    return Part(
        slope=line.late / window.length,
        error=error / window.length,
        z=pool.normal_score(line.late / error, line.degrees),
        early=line.early,
        late=line.late,
        present=curve.present,
        vote=votes.rising(line, error) * curve.present,
        grown=generations.growth(slot, curve),
        rising=generations.rising_generations(curve) * curve.present,
        lives=len(curve.whole) * curve.present,
        shapes=saturation.compare(line.adjusted, window.u, window.start),
        degrees=line.degrees,
        units_per_s=_units_per_s(slot, clock),
        steady_load=not load.shape[1],
    )


def _together(parts: Sequence[Part], clock: Clock, options: Options) -> Pooled:
    present, vote = np.array([p.present for p in parts]), np.array([p.vote for p in parts])
    grown = np.array([p.grown for p in parts])
    voters = np.where(vote.any(axis=0), vote, present)
    slope, error = pool.random_effects(np.array([p.slope for p in parts]), np.array([p.error for p in parts]), present)
    early = (voters * np.array([p.early for p in parts])).sum(axis=0)
    late = (voters * np.array([p.late for p in parts])).sum(axis=0)
    workers = present.sum(axis=0)
    ceilings = (voters * np.array([p.shapes.ceiling for p in parts])).sum(axis=0) / np.maximum(voters.sum(axis=0), 1)
    residuals = voters * np.log([np.minimum(p.shapes.bounded, p.shapes.unbounded) + SMALL for p in parts])
    better = np.log([(p.shapes.bounded + SMALL) / (p.shapes.unbounded + SMALL) for p in parts])
    per_day = np.array([p.slope * p.units_per_s * DAY_S for p in parts])
    sized = (grown > LONE_SIZE * options.least_bytes) & (per_day >= options.least_bytes_per_day)
    sure = (np.array([p.z for p in parts]) > LONE_Z) & (vote > 0) & sized
    return Pooled(
        clock=clock,
        slope=slope,
        error=error,
        z=pool.normal_score(slope / error, sum(p.degrees for p in parts)),
        lone=np.asarray(sure.any(axis=0), dtype=np.float64),
        votes=vote.sum(axis=0),
        workers=workers,
        residual=np.exp(residuals.sum(axis=0) / np.maximum(voters.sum(axis=0), 1)),
        ratio=np.where(early > 0, late / np.where(early > 0, early, 1), np.inf),
        bounded=np.asarray((voters * better).sum(axis=0) < 0, dtype=np.float64),
        ceiling=ceilings * workers,
        grown=_median_of(grown, voters),
        rising=(voters * np.array([p.rising for p in parts])).sum(axis=0),
        lives=(voters * np.array([p.lives for p in parts])).sum(axis=0),
        units_per_s=float(np.mean([p.units_per_s for p in parts])),
        steady_load=all(p.steady_load for p in parts),
    )


def _median_of(values: Floats, chosen: Floats) -> Floats:
    """The median over the first axis of the chosen values; 0 where none is chosen."""
    ordered = np.sort(np.where(chosen > 0, values, np.inf), axis=0)
    count = (chosen > 0).sum(axis=0)
    columns = np.arange(values.shape[1])
    low, high = ordered[np.maximum(count - 1, 0) // 2, columns], ordered[count // 2 % len(ordered), columns]
    return np.where(count > 0, np.where(count % 2 == 1, low, (low + high) / 2), 0.0)


def _units_per_s(slot: Slot, clock: Clock) -> float:
    if clock == "time":
        return 1.0
    lived = sum(float(life.age_s[-1]) for life in slot.lives)
    return sum(float(life.requests[-1]) for life in slot.lives) / lived if lived > 0 else 0.0
