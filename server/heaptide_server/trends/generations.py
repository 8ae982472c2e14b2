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
MANY_LIVES = 4  # so many together let a bucket be as short as an interval
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
class Curves:
    """The lives of all slots over one window, cut alike.

    Attributes:
        window: what they are cut by.
        each: shape (lives, rows, k): floors, NaN where not lived.
        owner: shape (lives,): the slot of each.
        joined: shape (slots, rows, k): the lives of each slot joined, from 0.
        rates: shape (k,): requests per second, joined over all lives.
        present: shape (slots, rows): 1.0 where a slot was seen for long enough.
        reach: shape (lives,): how much of the window each has lived through.
    """

    window: Window
    each: Floats
    owner: Ints
    joined: Floats
    rates: Floats
    present: Floats
    reach: Floats


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


def ripe(slots: Sequence[Slot], options: Options) -> list[Slot]:
    """The slots that were seen for long enough, over all their lives."""
    return [slot for slot in slots if _lived(slot, new_ground=False) >= NEW_GROUND_SEEN * options.least_intervals]


def _completed(lives: Sequence[Generation], index: int) -> bool:
    return lives[index].ended or index < len(lives) - 1


def _positions(life: Generation, clock: Clock) -> Floats:
    return life.requests if clock == "requests" else life.age_s


def window(slots: Sequence[Slot], clock: Clock, options: Options) -> Window | None:
    """The window of all slots on a clock; None where there is too little to see yet, or the clock stands still."""
    lives = [(slot, index) for slot in slots for index in range(len(slot.lives))]
    positions = [_positions(slot.lives[index], clock) for slot, index in lives]
    done = np.array([_completed(slot.lives, index) for slot, index in lives])
    ends = np.array([float(p[-1]) for p in positions])
    usual = float(np.median(ends[done])) if done.any() else 0.0
    living = np.sort(ends[~done])[::-1]
    end = max(usual, float(living[(len(living) - 1) // 2]) if len(living) else 0.0)
    begin = max(floors.WARM_UP * end, min(float(p[0]) for p in positions))
    tie = floors.TIE * end
    inside = max(int(((p > begin + tie) & (p <= end + tie)).sum()) for p in positions)
    count = min(floors.MOST_BUCKETS, inside // (2 if len(lives) < MANY_LIVES else 1))
    if not np.isfinite(end) or end <= begin or count < floors.LEAST_BUCKETS:
        return None
    if clock == "requests" and end - begin < count:
        return None
    if not any(_lived(slot, end > KNOWN_LIFE * usual) >= options.least_intervals for slot in slots):
        return None
    return Window(np.linspace(begin, end, count + 1), (np.arange(count) + 0.5) / count, -begin / (end - begin))


def _lived(slot: Slot, new_ground: bool) -> int:
    lengths = [len(life.age_s) for life in slot.lives]
    return max(lengths) if new_ground else sum(lengths)


def join(slots: Sequence[Slot], clock: Clock, span: Window, rows: Ints, options: Options) -> Curves:
    """Joins the lives of each slot over a window: mean increments of those that lived through each bucket, summed."""
    lives = [life for slot in slots for life in slot.lives]
    owner = np.array([index for index, slot in enumerate(slots) for _ in slot.lives])
    each = np.array([floors.bucket(life.floors[rows], _positions(life, clock), span.edges) for life in lives])
    rates = np.array(
        [floors.mean_rates(life.requests, life.age_s, _positions(life, clock), span.edges) for life in lives]
    )
    seen = np.array([(~np.isnan(life.floors[rows])).sum(axis=1) for life in lives])
    lived = np.array([seen[owner == index].sum(axis=0) for index in range(len(slots))])
    ends = np.array([float(_positions(life, clock)[-1]) for life in lives])
    # Chained as the floors are: else a life that ends within the window would make a jump in the one and not the other.
    load = chained(rates[:, None, :])[0] + float(np.nan_to_num(rates[:, 0]).max())
    return Curves(
        window=span,
        each=each,
        owner=owner,
        joined=np.array([chained(each[owner == index]) for index in range(len(slots))]),
        rates=load,
        present=(lived >= NEW_GROUND_SEEN * options.least_intervals).astype(np.float64),
        reach=(ends - span.edges[0]) / span.length,
    )


def chained(each: Floats) -> Floats:
    """Mean increments of (lives, rows, k) over the lives that lived through them, summed up from 0: (rows, k)."""
    steps = np.diff(each, axis=2)
    lived = np.isfinite(steps)
    mean = np.where(lived, steps, 0).sum(axis=0) / np.maximum(lived.sum(axis=0), 1)
    return np.concatenate([np.zeros((each.shape[1], 1)), np.cumsum(mean, axis=1)], axis=1)


def growth(slots: Sequence[Slot], curves: Curves) -> Floats:
    """Bytes that each slot's floors rose after warm-up within its lives, forgotten ones included: (slots, rows)."""
    starts = curves.each[:, :, 0]
    lasts = np.take_along_axis(curves.each, _last_lived(curves.each)[:, :, None], axis=2)[:, :, 0]
    rises = np.nan_to_num(lasts - starts)
    result = []
    for index, slot in enumerate(slots):
        own = rises[curves.owner == index]
        done = np.array([_completed(slot.lives, number) for number in range(len(slot.lives))])
        usual = own[done].mean(axis=0) if done.any() else np.zeros(own.shape[1])
        result.append(usual * slot.completed + own[~done].sum(axis=0))
    return np.array(result)


def lived(slots: Sequence[Slot], curves: Curves) -> Floats:
    """How many whole lives each slot has had, the present one in part, forgotten ones included: (slots,)."""
    result = []
    for index, slot in enumerate(slots):
        reach = np.clip(curves.reach[curves.owner == index], 0, 1)
        done = np.array([_completed(slot.lives, number) for number in range(len(slot.lives))])
        result.append(slot.completed + float(reach[~done].sum()))
    return np.array(result)


def late_rises(curves: Curves) -> tuple[Floats, NDArray[np.bool_], Ints]:
    """Of the lives that are whole: their late rise, whether it is spread over the half, and owners.

    Shapes (whole, rows), (whole, rows), (whole,). Steps at different work in each life would average to a steady rise.
    """
    whole = curves.reach >= WHOLE
    late = curves.each.shape[2] // 2
    steps = np.nan_to_num(np.diff(curves.each[whole][:, :, late - 1 :], axis=2))
    rises = steps.sum(axis=2)
    return rises, votes.middle_sum(steps) > votes.SPREAD * rises, curves.owner[whole]


def _last_lived(each: Floats) -> Ints:
    lived = ~np.isnan(each)
    count = each.shape[2]
    return np.where(lived.any(axis=2), count - 1 - np.argmax(lived[:, :, ::-1], axis=2), 0)
