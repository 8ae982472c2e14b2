"""The non-leaks of the corpus, and the ordinary sites that stand beside them."""

from __future__ import annotations

import numpy as np
from tests.bench.detection.leaks import Shape
from tests.bench.detection.parts import Draw, Held, Life, Part, Passing, Tables, flowing, following, smoothed

from heaptide_server.model import Floats


def _rate(draw: Draw, life: Life) -> Floats:
    return life.requests * draw.day / draw.day_requests


def flat(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [following(np.full(life.n, draw.size)), Passing(0.2 * draw.size * draw.x * rng.gamma(4, 0.25, life.n))]


def _fill(size: float, at: Floats, tau: float) -> Held:
    return following(size * (1 - np.exp(-at / tau)))


def warm_up(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [_fill(draw.size, life.age, draw.life * draw.between(0.005, 0.08))]


def slow_warm_up(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [_fill(draw.size, life.age, draw.life * draw.between(0.08, 0.3))]


def _bounded(put: Floats, capacity: float) -> Held:
    """A cache that evicts the oldest once it is full."""
    return Held(put, np.diff(np.maximum(np.cumsum(put) - capacity, 0), prepend=0.0))


def lru_linear(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    full = draw.between(0.03, 0.5)
    return [_bounded(draw.size * life.requests / draw.day_requests / full, draw.size)]


def lru_zipf(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    keys = draw.between(1e3, 1e5)
    odds = np.arange(1, int(keys) + 1) ** -(0.8 + 0.4 * draw.y)
    odds /= odds.sum()
    points = np.geomspace(1, max(float(life.served[-1]), 2.0), 60)
    distinct = np.array([-np.expm1(-odds * n).sum() for n in points])
    seen = np.interp(life.served, points, distinct)
    capacity = keys * (0.3 + 0.7 * draw.z)
    put = np.diff(seen, prepend=0.0) * draw.size / capacity
    return [_bounded(put, draw.size)]


def following_load(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [Passing(draw.size * smoothed(_rate(draw, life), draw.between(1, 8)))]


def sessions(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    keep = int(draw.between(15, 90))
    return [flowing(draw.size * _rate(draw, life) / keep, keep)]


def sawtooth(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    period = draw.between(2, 40)
    return [following(draw.size * ((life.age + rng.uniform(0, period)) % period) / period)]


def growing_sawtooth(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    period, level, left = draw.between(3, 25), np.zeros(life.n), 0.0
    for index in range(life.n):  # the collector waits for a share of what lives, which grows with what it missed
        wait = period * (1 + 2 * index / draw.day)
        left = 0.0 if left >= wait else left + 1
        level[index] = draw.size * left / period
    return [following(level)]


def one_step(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [Tables(draw.size * (life.now > draw.day * (0.1 + 0.8 * draw.x)))]


def lazy_imports(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    common, count = draw.common(), int(draw.between(5, 25))
    at = common.exponential(0.15 * draw.life, count)
    return [following(draw.size / count * (life.age[:, None] > at).sum(axis=1))]


def expiring_cache(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    keep = int(draw.between(10, 150))
    return [flowing(draw.size * _rate(draw, life) / keep, keep)]


def ratchet(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    peaks = smoothed(rng.gamma(3, 1 / 3, life.n), draw.between(1, 10))
    return [following(draw.size * np.maximum.accumulate(peaks))]


def hourly_spike(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    hour = draw.day / 24
    spike = ((life.now + draw.x * hour) % hour) < draw.between(1, 8, "y")
    return [following(draw.size * (0.1 + spike))]


def wander(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    tau, level = draw.between(5, 60), 0.0
    path = np.zeros(life.n)
    for index, step in enumerate(rng.normal(0, 1, life.n)):
        level = level * (1 - 1 / tau) + step * np.sqrt(2 / tau)
        path[index] = level
    return [following(draw.size * np.maximum(1 + 0.3 * path, 0))]


def pool(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    most = int(draw.between(5, 40))
    busy = rng.poisson(0.5 * most * smoothed(_rate(draw, life), 2))
    return [following(draw.size * np.minimum(np.maximum.accumulate(busy), most) / most)]


def backlog(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    middle, width = draw.day * (0.3 + 0.4 * draw.x), draw.day * draw.between(0.03, 0.2, "y")
    return [following(draw.size * np.maximum(0, 1 - np.abs(life.now - middle) / width))]


def labels(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    return [_fill(draw.size, life.served, draw.life_requests * draw.between(0.01, 0.25))]


def two_caches(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    small, big = draw.between(0.01, 0.06), draw.between(0.06, 0.3, "y")
    return [_fill(draw.size / 2, life.served, s * draw.life_requests) for s in (small, big)]


def reloaded(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    common, every = draw.common(), draw.between(15, 120)
    sizes = draw.size * common.uniform(0.7, 1.3, draw.day)
    return [Tables(sizes[(life.now / every).astype(int)])]


def deployed(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    bigger = 1.0 if life.release == draw.releases[0] else 1.5
    return [_fill(bigger * draw.size, life.age, draw.day * draw.between(0.01, 0.06)), *following_load(rng, draw, life)]


def ordinary(rng: np.random.Generator, draw: Draw, life: Life) -> list[Part]:
    some = draw.common().choice(_ORDINARY)
    return [following(np.full(life.n, draw.size * draw.y)), *some(rng, draw, life)]  # type: ignore[operator]


_ORDINARY = np.array([flat, flat, flat, warm_up, warm_up, following_load, following_load, lazy_imports, sawtooth])

# The shape's name and the service that it needs.
INNOCENTS: dict[str, tuple[Shape, str]] = {
    "flat": (flat, "steady"),
    "warm-up": (warm_up, "steady"),
    "slow warm-up": (slow_warm_up, "steady"),
    "LRU filling linearly": (lru_linear, "steady"),
    "LRU under Zipf keys": (lru_zipf, "daily"),
    "following daily load": (following_load, "daily"),
    "following a ramp": (following_load, "ramp"),
    "silent nights (innocent)": (sessions, "nights"),
    "sawtooth": (sawtooth, "steady"),
    "growing sawtooth": (growing_sawtooth, "steady"),
    "one step": (one_step, "steady"),
    "lazy imports": (lazy_imports, "steady"),
    "deploy": (deployed, "deploy"),
    "expiring cache": (expiring_cache, "daily"),
    "fragmentation ratchet": (ratchet, "steady"),
    "session ramp": (sessions, "ramp"),
    "hourly spike": (hourly_spike, "steady"),
    "slow wander": (wander, "steady"),
    "pool growth": (pool, "ramp"),
    "backlog": (backlog, "steady"),
    "bounded label set": (labels, "steady"),
    "warm-up in each generation": (warm_up, "few"),
    "short warm-ups": (warm_up, "many"),
    "two caches": (two_caches, "steady"),
    "table reloaded": (reloaded, "steady"),
    "autoscaling (innocent)": (slow_warm_up, "autoscale"),
}
