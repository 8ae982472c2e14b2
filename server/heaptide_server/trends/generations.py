"""Generations of one worker slot joined: aligned on work since start, minus their starting floors, averaged.

Twenty short lives make one long one (DETECTION.md, step 7). What a young generation does alone convicts nobody once the
slot has completed others: the joined curve always reaches as far as they did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats, Ints
from heaptide_server.trends import floors, votes
from heaptide_server.trends.verdict import Generation, Options

Clock = Literal["requests", "time"]

WHOLE = 0.75  # a generation counts as one that rose, or didn't, when it lived through so much of the window
KNOWN_LIFE = 1.1  # beyond this multiple of the completed ones' length a generation is on new ground
SAME_RISE = 0.25  # of the usual late rise, for a generation to count as one that rose
NEW_GROUND_SEEN = 0.88  # of the least intervals: a row may first be seen within the warm-up


@dataclass(frozen=True)
class Slot:
    """The kept lives of one worker slot under its latest release, oldest first. `completed` counts forgotten ones."""

    name: str
    lives: list[Generation]
    completed: int


@dataclass(frozen=True)
class Window:
    """What is looked at on a clock: from the end of the warm-up to the furthest that is known.

    Attributes:
        edges: shape (k + 1,), in requests or seconds since a worker's start.
        u: shape (k,): the buckets' middles from 0 to 1.
        start: the worker's start on the scale of `u`, at or below 0.
    """

    edges: Floats
    u: Floats
    start: float

    @property
    def length(self) -> float:
        """Requests or seconds from the first edge to the last."""
        return float(self.edges[-1] - self.edges[0])


@dataclass(frozen=True)
class Curve:
    """The joined floors of a slot; shapes (rows, k) and (rows,); `each`: (lives, rows, k), NaN where not lived."""

    window: Window
    floors: Floats
    present: Floats
    rates: Floats
    each: Floats
    whole: list[int]


def slots(generations: Sequence[Generation]) -> list[Slot]:
    """The generations by slot, those of the slot's latest release alone: a release ends a series."""
    by_slot: dict[str, list[Generation]] = {}
    for generation in sorted(generations, key=lambda g: (g.slot, g.number)):
        if len(generation.age_s):
            by_slot.setdefault(generation.slot, []).append(generation)
    result = []
    for name, lives in by_slot.items():
        kept = [life for life in lives if life.release == lives[-1].release]
        completed = sum(_completed(kept, index) for index in range(len(kept))) + kept[0].forgotten
        result.append(Slot(name, kept, completed))
    return result


def _completed(lives: Sequence[Generation], index: int) -> bool:
    return lives[index].ended or index < len(lives) - 1


def _positions(life: Generation, clock: Clock) -> Floats:
    return life.requests if clock == "requests" else life.age_s


def window(slot: Slot, clock: Clock, options: Options) -> Window | None:
    """The window of a slot on a clock; None where there is too little to see yet, or the clock stands still."""
    positions = [_positions(life, clock) for life in slot.lives]
    ends = np.array([float(p[-1]) for p in positions])
    known = [end for index, end in enumerate(ends) if _completed(slot.lives, index)]
    usual = float(np.median(known)) if known else 0.0
    end = max(usual, float(ends[-1]))
    begin = max(floors.WARM_UP * end, min(float(p[0]) for p in positions))
    tie = floors.TIE * end
    inside = max(int(((p > begin + tie) & (p <= end + tie)).sum()) for p in positions)
    count = min(floors.MOST_BUCKETS, inside // 2)
    if not np.isfinite(end) or end <= begin or count < floors.LEAST_BUCKETS:
        return None
    if clock == "requests" and end - begin < count:
        return None
    lived = sum(len(p) for p in positions) if end <= KNOWN_LIFE * usual else max(len(p) for p in positions)
    if lived < options.least_intervals:
        return None
    return Window(np.linspace(begin, end, count + 1), (np.arange(count) + 0.5) / count, -begin / (end - begin))


def join(slot: Slot, clock: Clock, span: Window, rows: Ints, options: Options) -> Curve:
    """Joins the lives of a slot over a window: mean increments of those that lived through each bucket, summed up."""
    each = np.array([floors.bucket(life.floors[rows], _positions(life, clock), span.edges) for life in slot.lives])
    joined = _chained(each)
    seen = sum((~np.isnan(life.floors[rows])).sum(axis=1) for life in slot.lives)
    rates = np.array(
        [floors.mean_rates(life.requests, life.age_s, _positions(life, clock), span.edges) for life in slot.lives]
    )
    # Chained as the floors are: else a life that ends within the window would make a jump in the one and not the other.
    load = _chained(rates[:, None, :])[0] + float(np.nan_to_num(rates[:, 0]).max())
    reach = [float((_positions(life, clock)[-1] - span.edges[0]) / span.length) for life in slot.lives]
    return Curve(
        window=span,
        floors=joined,
        present=(seen >= NEW_GROUND_SEEN * options.least_intervals).astype(np.float64),
        rates=load,
        each=each,
        whole=[index for index, share in enumerate(reach) if share >= WHOLE],
    )


def _chained(each: Floats) -> Floats:
    """Mean increments of (lives, rows, k) over the lives that lived through them, summed up from 0: (rows, k)."""
    steps = np.diff(each, axis=2)
    lived = np.isfinite(steps)
    mean = np.where(lived, steps, 0).sum(axis=0) / np.maximum(lived.sum(axis=0), 1)
    return np.concatenate([np.zeros((each.shape[1], 1)), np.cumsum(mean, axis=1)], axis=1)


def growth(slot: Slot, curve: Curve) -> Floats:
    """Bytes that the slot's floors rose after warm-up within its generations, forgotten ones included: (rows,)."""
    starts = curve.each[:, :, 0]
    lasts = np.take_along_axis(curve.each, _last_lived(curve.each)[:, :, None], axis=2)[:, :, 0]
    rises = np.nan_to_num(lasts - starts)
    done = np.array([_completed(slot.lives, index) for index in range(len(slot.lives))])
    usual = rises[done].mean(axis=0) if done.any() else np.zeros(rises.shape[1])
    return np.asarray(usual * slot.completed + rises[~done].sum(axis=0))


def rising_generations(curve: Curve) -> Floats:
    """How many of the whole generations rose in their late half, by over a quarter of the usual rise: (rows,).

    Not those that rose in one step. Steps at different work in each generation would average to a steady rise.
    """
    late = curve.each.shape[2] // 2
    part = curve.each[curve.whole][:, :, late - 1 :]
    steps = np.nan_to_num(np.diff(part, axis=2))
    rises = steps.sum(axis=2)
    usual = curve.floors[:, -1] - curve.floors[:, late - 1]
    spread = votes.middle_sum(steps) > votes.SPREAD * rises
    return np.asarray(((rises > 0) & (rises > SAME_RISE * usual) & spread).sum(axis=0), dtype=np.float64)


def slope_variance(curve: Curve, functional: Floats) -> Floats:
    """Variance of the mean late slope as the generations themselves show it, (rows,); 0 with under three whole ones."""
    lived: NDArray[np.bool_] = np.asarray((~np.isnan(curve.each)).any(axis=1))
    usable = np.flatnonzero(lived[:, -1])
    if len(usable) < 3:
        return np.zeros(curve.floors.shape[0])
    slopes = np.nan_to_num(curve.each[usable]) @ functional
    return np.asarray(slopes.var(axis=0, ddof=1) / len(usable))


def _last_lived(each: Floats) -> Ints:
    lived = ~np.isnan(each)
    count = each.shape[2]
    return np.where(lived.any(axis=2), count - 1 - np.argmax(lived[:, :, ::-1], axis=2), 0)
