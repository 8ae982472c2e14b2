"""The fleet: services with their loads, lives and rows, all from one seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tests.bench.detection.innocents import INNOCENTS, ordinary
from tests.bench.detection.leaks import LEAKS, Shape, onset_share
from tests.bench.detection.parts import MIB, Draw, Life

from heaptide_server.model import Floats

DAY = 720  # intervals of two minutes
WORKERS = 4
RELEASES = ("1.0", "1.1")
ORDINARY = {"many": 60, "few": 30}
ORDINARY_ELSEWHERE = 14


@dataclass(frozen=True)
class Row:
    """One site of a service; `onset` is the interval at which a leak begins, None for the innocent."""

    shape: str
    make: Shape
    draw: Draw
    onset: float | None


@dataclass(frozen=True)
class Service:
    """A service's day. `native`: how its resident set leaks outside Python's heap."""

    name: str
    seed: int
    lives: list[Life]
    rows: list[Row]
    native: Draw | None = None


def _steady(t: Floats, rng: np.random.Generator) -> Floats:
    return 1 + 0.15 * np.sin(2 * np.pi * (t * rng.uniform(2, 6) + rng.uniform()))


def _daily(t: Floats, rng: np.random.Generator) -> Floats:
    return 1 + rng.uniform(0.5, 0.8) * np.sin(2 * np.pi * (t + rng.uniform()))


def _ramp(t: Floats, rng: np.random.Generator) -> Floats:
    steep = rng.uniform(1, 3)
    return (1 + steep * t) / (1 + steep / 2)


def _nights(t: Floats, rng: np.random.Generator) -> Floats:
    return np.where((t + rng.uniform()) % 1 < rng.uniform(0.3, 0.45), 0.0, 1.5)


LOADS: dict[str, tuple[Callable[[Floats, np.random.Generator], Floats], float]] = {
    "steady": (_steady, 20.0),
    "daily": (_daily, 20.0),
    "ramp": (_ramp, 20.0),
    "nights": (_nights, 20.0),
    "low": (_steady, 0.05),
    "few": (_daily, 20.0),
    "many": (_steady, 20.0),
    "deploy": (_daily, 20.0),
    "autoscale": (_daily, 20.0),
    "native": (_steady, 20.0),
}


def service(name: str, seed: int, draws: int) -> Service:
    """One service's day, with `draws` rows of each shape that needs it."""
    rng = np.random.default_rng([seed, sorted(LOADS).index(name), 4711])
    shape, per_s = LOADS[name]
    t = (np.arange(DAY) + 0.5) / DAY
    rate = 120 * per_s * shape(t, rng)
    lives = _lives(name, rate, rng)
    usual = float(np.median([life.n for life in lives]))
    rows = [
        _row(label, make, _draw(label, rng, rate, usual), lives)
        for label, (make, where) in {**LEAKS, **INNOCENTS}.items()
        for _ in range(draws)
        if where == name
    ]
    others = range(ORDINARY.get(name, ORDINARY_ELSEWHERE))
    rows.extend(Row("ordinary", ordinary, _draw("ordinary", rng, rate, usual), None) for _ in others)
    native = _draw("native", rng, rate, usual) if name == "native" else None
    return Service(name, seed, lives, rows, native)


def _draw(label: str, rng: np.random.Generator, rate: Floats, usual: float) -> Draw:
    low, high = (2.0, 3.0) if label == "tiny" else (0.05, 20.0) if label == "ordinary" else (8.0, 300.0)
    return Draw(
        size=MIB * float(np.exp(rng.uniform(np.log(low), np.log(high)))),
        x=rng.uniform(),
        y=rng.uniform(),
        z=rng.uniform(),
        day=DAY,
        day_requests=float(rate.sum()),
        life=usual,
        life_requests=float(rate.mean() * usual),
        releases=RELEASES,
        shared=int(rng.integers(2**31)),
    )


def _row(label: str, make: Shape, draw: Draw, lives: list[Life]) -> Row:
    onset: float | None = 0.0 if label in LEAKS else None
    if label == "late onset":
        onset = onset_share(draw) * DAY
    if label == "new in a release":
        onset = float(min(life.begin for life in lives if life.release != RELEASES[0]))
    return Row(label, make, draw, onset)


def _lives(name: str, rate: Floats, rng: np.random.Generator) -> list[Life]:
    changes = int(DAY * rng.uniform(0.3, 0.6))
    every = float(rate.mean()) * {"few": rng.uniform(100, 240), "many": rng.uniform(14, 36)}.get(name, np.inf)
    lives: list[Life] = []
    for slot in range(1, WORKERS + 1):
        for begin, end in _presence(name, slot, changes, rng):
            _fill_slot(lives, slot, begin, end, rate, every, "1.0" if begin < changes else "1.1", rng, name)
    return lives


def _presence(name: str, slot: int, changes: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    if name == "deploy":
        return [(0, changes), (changes, DAY)]
    if name == "autoscale" and slot > 2:  # up for the busy hours, down, and up again
        up = int(rng.uniform(0.05, 0.2) * DAY)
        down = up + int(rng.uniform(0.3, 0.4) * DAY)
        return [(up, down), (down + int(rng.uniform(0.1, 0.2) * DAY), DAY)]
    return [(0, DAY)]


def _fill_slot(
    lives: list[Life],
    slot: int,
    begin: int,
    end: int,
    rate: Floats,
    every: float,
    release: str,
    rng: np.random.Generator,
    name: str,
) -> None:
    while begin < end:
        requests = rng.poisson(rate[begin:end] * rng.gamma(60, 1 / 60, end - begin)).astype(float)
        target = every * rng.uniform(1.0, 1.1)
        n = min(len(requests), int(np.searchsorted(np.cumsum(requests), target)) + 1)
        number = 1 + sum(life.slot == slot for life in lives)
        kept = release if name == "deploy" else RELEASES[0]
        lives.append(Life(len(lives) + 1, slot, number, begin, requests[:n], kept, begin + n < DAY))
        begin += n
