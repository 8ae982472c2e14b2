"""A small fleet that leaks, or only looks like it: every shape with its own random draws, from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from heaptide_server.trends.verdict import Generation

MIB = float(1 << 20)
Rng = np.random.Generator
Shape = Callable[[Rng, "Life", dict[str, float]], np.ndarray]


@dataclass
class Life:
    """One generation's clock: per interval its requests, and the interval's number since the worker's start."""

    slot: int
    number: int
    begin: int
    requests: np.ndarray
    total: int
    levels: list[np.ndarray] = field(default_factory=list)

    @property
    def age(self) -> np.ndarray:
        return np.arange(1, len(self.requests) + 1, dtype=float)

    @property
    def served(self) -> np.ndarray:
        return np.cumsum(self.requests).astype(float)


@dataclass
class Fleet:
    interval_s: float
    intervals: int
    lives: list[Life]
    names: list[str]

    def until(self, interval: int) -> list[Generation]:
        """What the collector knows after so many intervals."""
        result = []
        for life in self.lives:
            n = min(len(life.requests), interval - life.begin)
            if n <= 0:
                continue
            levels = np.array([row[:n] for row in life.levels])
            age, served = life.age[:n], life.served[:n]
            while levels.shape[1] > 128:  # pair-merge by the minimum, as the matrix does
                even = levels.shape[1] // 2 * 2
                merged = np.fmin(levels[:, 0:even:2], levels[:, 1:even:2])
                levels = np.concatenate([merged, levels[:, even:]], axis=1)
                age, served = np.append(age[1:even:2], age[even:]), np.append(served[1:even:2], served[even:])
            result.append(
                Generation(
                    slot=f"host/{life.slot}",
                    number=life.number,
                    release="1",
                    ended=life.begin + len(life.requests) < interval,
                    started_at=1e9 + life.begin * self.interval_s,
                    age_s=age * self.interval_s,
                    requests=served,
                    floors=levels,
                    variance=np.zeros(len(levels)),
                    live=np.zeros(len(levels)),
                    allocated=np.zeros(len(levels)),
                )
            )
        return result


def _load(rng: Rng, n: int, kind: str, total: int, begin: int, mean: float) -> np.ndarray:
    t = (begin + np.arange(n)) / total
    rate = np.full(n, mean)
    if kind == "daily":
        rate = mean * (1 + 0.7 * np.sin(2 * np.pi * (t * 1.0 + 0.1)))
    elif kind == "ramp":
        rate = mean * (0.4 + 1.2 * t)
    elif kind == "waves":
        rate = mean * (1 + 0.6 * np.sin(2 * np.pi * t * 5))
    return rng.poisson(rate * rng.gamma(40, 1 / 40, n)).astype(float)


def _noise(rng: Rng, n: int, size: float) -> np.ndarray:
    return np.abs(rng.normal(0, size, n))


# Each shape: bytes live at the end of each interval of a life. `p` holds the row's own draws, the same in each worker.
def linear(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return p["size"] * life.served / p["served"] + _noise(rng, len(life.age), p["noise"])


def by_time(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return p["size"] * life.age / p["total"] + _noise(rng, len(life.age), p["noise"])


def sublinear(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return 2 * p["size"] * (life.served / p["served"]) ** (0.65 + 0.2 * p["x"]) + _noise(rng, len(life.age), p["noise"])


def accelerating(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return 2 * p["size"] * (life.served / p["served"]) ** (1.3 + 0.7 * p["x"]) + _noise(rng, len(life.age), p["noise"])


def under_sawtooth(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    period = 3 + 6 * p["x"]
    tooth = 0.4 * p["size"] * ((life.age + rng.uniform(0, period)) % period) / period
    return linear(rng, life, p) + tooth


def stepwise(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    every = p["total"] / 24
    return p["size"] * np.floor(life.age / every) / 24 + _noise(rng, len(life.age), p["noise"])


def one_of_four(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return linear(rng, life, p) if life.slot == 1 else flat(rng, life, p)


def masked(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return linear(rng, life, p) + expiring(rng, life, {**p, "size": 0.5 * p["size"]})


def flat(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return p["size"] + _noise(rng, len(life.age), 0.2 * p["size"] * p["x"])


def warm_up(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    tau = p["life"] * (0.01 + 0.08 * p["x"])
    return p["size"] * (1 - np.exp(-life.age / tau)) + _noise(rng, len(life.age), p["noise"])


def slow_warm_up(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    tau = p["life"] * (0.1 + 0.2 * p["x"])
    return p["size"] * (1 - np.exp(-life.age / tau)) + _noise(rng, len(life.age), p["noise"])


def lru_linear(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    full = p["served_in_life"] * (0.3 + 0.3 * p["x"])
    return p["size"] * np.minimum(life.served / full, 1) + _noise(rng, len(life.age), p["noise"])


def lru_random(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    keys = p["served_in_life"] * (0.05 + 0.15 * p["x"])
    return p["size"] * (1 - np.exp(-life.served / keys)) + _noise(rng, len(life.age), 0.002 * p["size"])


def following_load(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    lag = 0.2 + 0.6 * p["x"]
    rate = life.requests.copy()
    for index in range(1, len(rate)):
        rate[index] = lag * rate[index - 1] + (1 - lag) * rate[index]
    return p["size"] * rate / max(p["rate"], 1e-9) + _noise(rng, len(rate), p["noise"])


def sawtooth(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    period = 2 + 12 * p["x"]
    return p["size"] * ((life.age + rng.uniform(0, period)) % period) / period + _noise(rng, len(life.age), p["noise"])


def one_step(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    return p["size"] * (life.age > p["life"] * (0.2 + 0.7 * p["x"])) + _noise(rng, len(life.age), p["noise"])


def lazy_imports(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    at = rng.uniform(0, 0.6, 6) * p["life"]
    return p["size"] / 6 * (life.age[:, None] > at).sum(axis=1) + _noise(rng, len(life.age), 0.2 * p["noise"])


def backlog(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    middle, width = p["life"] * (0.3 + 0.4 * p["x"]), p["life"] * (0.05 + 0.1 * p["y"])
    hill = np.maximum(0, 1 - np.abs(life.age - middle) / width)
    return p["size"] * hill + _noise(rng, len(life.age), p["noise"])


def expiring(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    ttl = max(2, int(p["life"] * (0.02 + 0.1 * p["x"])))
    sums = np.concatenate([np.zeros(ttl), life.served])
    return p["size"] * (sums[ttl:] - sums[:-ttl]) / max(p["rate"] * ttl, 1e-9)


def wander(rng: Rng, life: Life, p: dict[str, float]) -> np.ndarray:
    steps, level, tau = rng.normal(0, 1, len(life.age)), np.zeros(len(life.age)), 4 + 20 * p["x"]
    for index in range(1, len(level)):
        level[index] = level[index - 1] * (1 - 1 / tau) + steps[index]
    return p["size"] * (1 + 0.3 * level / np.sqrt(tau / 2))


LEAKS: dict[str, Shape] = {
    f.__name__: f for f in (linear, by_time, sublinear, accelerating, under_sawtooth, stepwise, one_of_four, masked)
}
INNOCENT: dict[str, Shape] = {
    f.__name__: f
    for f in (
        flat, warm_up, slow_warm_up, lru_linear, lru_random, following_load, sawtooth, one_step, lazy_imports, backlog,
        expiring, wander,
    )
}  # fmt: skip


def simulate(
    seed: int,
    names: Sequence[str],
    *,
    workers: int = 4,
    intervals: int = 480,
    life: int | None = None,
    interval_s: float = 30.0,
    load: str = "waves",
    rate: float = 40.0,
) -> Fleet:
    """A fleet with one row a name, recycled after about `life` intervals (by requests, with jitter) if given."""
    rng = np.random.default_rng([seed, 77])
    typical = life or intervals
    rows = []
    for _ in names:
        size = float(np.exp(rng.uniform(np.log(3), np.log(30)))) * MIB
        p = {"size": size, "noise": 0.02 * size * rng.uniform(), "x": rng.uniform(), "y": rng.uniform()}
        p |= {"total": float(typical), "life": float(typical), "rate": rate}
        p |= {"served": rate * typical, "served_in_life": rate * typical}
        rows.append(p)
    lives = []
    for slot in range(1, workers + 1):
        begin, number = 0, 1
        while begin < intervals:
            requests = _load(rng, intervals - begin, load, intervals, begin, rate)
            if life:
                target = life * rate * rng.uniform(1.0, 1.1)
                n = min(len(requests), int(np.searchsorted(np.cumsum(requests), target)) + 1)
                requests = requests[:n]
            one = Life(slot, number, begin, requests, intervals)
            for name, p in zip(names, rows, strict=True):
                one.levels.append(({**LEAKS, **INNOCENT}[name])(rng, one, p))
            lives.append(one)
            begin, number = begin + len(requests) + (2 if life else 0), number + 1
    return Fleet(interval_s, intervals, lives, list(names))


@pytest.fixture(name="simulate")
def _simulate() -> Callable[..., Fleet]:
    return simulate


@pytest.fixture
def leak_shapes() -> list[str]:
    return list(LEAKS)


@pytest.fixture
def innocent_shapes() -> list[str]:
    return list(INNOCENT)
