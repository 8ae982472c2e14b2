"""What a site's memory is made of, and the draws that make one row of a shape differ from the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from heaptide_server.model import Floats

MIB = float(1 << 20)
Order = Literal["any", "oldest", "newest"]


@dataclass(frozen=True)
class Held:
    """Blocks that stay: bytes put in and taken out in each interval, and which ones are taken."""

    put: Floats
    freed: Floats
    order: Order = "oldest"


@dataclass(frozen=True)
class Passing:
    """Blocks of requests in flight: their live bytes at the end of each interval, none of them old."""

    level: Floats


@dataclass(frozen=True)
class Tables:
    """Few big blocks, each far larger than the sampler's interval: known exactly."""

    level: Floats


Part = Held | Passing | Tables


@dataclass(frozen=True)
class Life:
    """One generation of a worker: `begin` in intervals of the day, `requests` in each interval lived."""

    worker_id: int
    slot: int
    generation: int
    begin: int
    requests: Floats
    release: str
    cut_short: bool  # something follows it: it ends within the day

    @property
    def n(self) -> int:
        """Intervals lived."""
        return len(self.requests)

    @property
    def served(self) -> Floats:
        """Requests served by the end of each interval."""
        return np.cumsum(self.requests)

    @property
    def age(self) -> Floats:
        """Intervals lived by the end of each one."""
        return np.arange(1.0, self.n + 1)

    @property
    def now(self) -> Floats:
        """Intervals of the day passed by the end of each one."""
        return self.begin + self.age


@dataclass(frozen=True)
class Draw:
    """One row's own draws, the same in each worker.

    Attributes:
        size: bytes: what a leak grows by in a day and worker, or what the innocent comes to hold.
        x, y, z: uniform in 0 to 1, for what else a shape leaves open.
        day: intervals in the day.
        day_requests: requests of a worker in a usual day; `life_requests` of a usual generation.
        life: intervals of a usual generation.
        releases: in their order.
        shared: draws that all workers see, such as when the others' connections broke; a seed.
    """

    size: float
    x: float
    y: float
    z: float
    day: int
    day_requests: float
    life: float
    life_requests: float
    releases: tuple[str, ...]
    shared: int
    extra: dict[str, Floats] = field(default_factory=dict)

    def common(self) -> np.random.Generator:
        """Random numbers that come out alike in each worker."""
        return np.random.default_rng(self.shared)

    def between(self, low: float, high: float, which: str = "x") -> float:
        """One of the uniform draws, stretched evenly on the logarithm from low to high."""
        return float(low * (high / low) ** getattr(self, which))


def leaking(put: Floats) -> Held:
    """Blocks that are never freed."""
    return Held(put, np.zeros_like(put))


def following(level: Floats) -> Held:
    """Blocks whose total follows a given level: what it rises by is put in, what it falls by is freed."""
    steps = np.diff(level, prepend=0.0)
    return Held(np.maximum(steps, 0), np.maximum(-steps, 0), "any")


def flowing(put: Floats, keep: int) -> Held:
    """Blocks that are freed so many intervals after they were put in."""
    freed = np.concatenate([np.zeros(keep), put])[: len(put)]
    return Held(put, freed)


def smoothed(values: Floats, tau: float) -> Floats:
    """The exponential moving average over `tau` intervals."""
    result, share = np.empty_like(values), 1 / max(tau, 1.0)
    level = values[0]
    for index, value in enumerate(values):
        level += share * (value - level)
        result[index] = level
    return result
