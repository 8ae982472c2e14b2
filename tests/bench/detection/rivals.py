"""The simple methods, as people write them, on the level that a plot of the mean over workers shows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from tests.bench.detection.fleet import DAY, Service
from tests.bench.detection.parts import MIB
from tests.bench.detection.sampling import Estimates

from heaptide_server.model import Floats

Flags = NDArray[np.bool_]
FIRST_LOOK, EVERY = 48, 15  # intervals
LEAST_GROWN = 0.5 * MIB
A_DAY = 1.0 * MIB
POINTS = 48


def mean_levels(service: Service, estimates: dict[int, Estimates]) -> Floats:
    """Live bytes of each row, mean over the workers that live: shape (rows, intervals)."""
    total, living = np.zeros((len(service.rows), DAY)), np.zeros(DAY)
    for life in service.lives:
        span = slice(life.begin, life.begin + life.n)
        total[:, span] += estimates[life.worker_id].bytes
        living[span] += 1
    return total / np.maximum(living, 1)


def _cut(levels: Floats, count: int) -> Floats:
    edges = np.linspace(0, levels.shape[1], count + 1).astype(int)
    return np.array([levels[:, a:b].mean(axis=1) for a, b in pairwise(edges)]).T


def ten_buckets(levels: Floats) -> Flags:
    """Each of ten bucket means lies above the one before."""
    means = _cut(levels, 10)
    return np.asarray((np.diff(means, axis=1) > 0).all(axis=1) & (means[:, -1] - means[:, 0] > LEAST_GROWN))


def mann_kendall(levels: Floats) -> Flags:
    """Mann-Kendall's test at 1 %, its variance corrected for autocorrelation (Hamed & Rao 1998)."""
    values = _cut(levels, POINTS)
    n = POINTS
    upper = np.triu_indices(n, 1)
    pairs = values[:, upper[1]] - values[:, upper[0]]
    score = np.sign(pairs).sum(axis=1)
    slopes = np.median(pairs / (upper[1] - upper[0]), axis=1)
    rest = values - slopes[:, None] * np.arange(n)
    ranks = rest.argsort(axis=1).argsort(axis=1) - (n - 1) / 2
    power = (ranks**2).sum(axis=1)
    factor = np.ones(len(values))
    for lag in range(1, n // 4):
        rho = (ranks[:, lag:] * ranks[:, :-lag]).sum(axis=1) / power
        weight = 2 * (n - lag) * (n - lag - 1) * (n - lag - 2) / (n * (n - 1) * (n - 2))
        factor += weight * np.where(np.abs(rho) > 1.96 / np.sqrt(n), rho, 0)
    variance = n * (n - 1) * (2 * n + 5) / 18 * np.maximum(factor, 0.1)
    return np.asarray((score - 1) / np.sqrt(variance) > 2.33) & (slopes * n > LEAST_GROWN)


def against_history(levels: Floats) -> Flags:
    """The last tenth lies three standard deviations above the first half."""
    half = levels[:, levels.shape[1] // 20 : levels.shape[1] // 2]
    last = levels[:, -levels.shape[1] // 10 :].mean(axis=1)
    rise = last - half.mean(axis=1)
    return np.asarray((rise > 3 * half.std(axis=1)) & (rise > LEAST_GROWN))


def least_squares(levels: Floats) -> Flags:
    """A straight line's slope is positive at p < 0.001, and over 1 MiB a day."""
    values = _cut(levels, POINTS)
    x = np.linspace(-1, 1, POINTS)
    slope = values @ x / (x @ x)
    rest = values - values.mean(axis=1, keepdims=True) - slope[:, None] * x
    error = np.sqrt((rest**2).sum(axis=1) / (POINTS - 2) / (x @ x))
    per_day = 2 * slope * DAY / levels.shape[1]
    return np.asarray((slope > 3.27 * error) & (per_day > A_DAY) & (2 * slope > LEAST_GROWN))


def top_three(levels: Floats) -> Flags:
    """One of the three largest differences between now and after the warm-up."""
    grown = levels[:, -1] - levels[:, levels.shape[1] // 10]
    flags = np.zeros(len(grown), dtype=np.bool_)
    flags[np.argsort(grown)[-3:]] = True
    return flags & (grown > LEAST_GROWN)


RIVALS: dict[str, Callable[[Floats], Flags]] = {
    "ten bucket means rising": ten_buckets,
    "Mann-Kendall, Hamed-Rao": mann_kendall,
    "level against history": against_history,
    "least squares": least_squares,
    "compare_to, top 3": top_three,
}


def looks(levels: Floats, method: Callable[[Floats], Flags]) -> tuple[list[int], Flags, Floats]:
    """The intervals looked at, what was said at each (looks, rows), and each row's growth by then, for ranking."""
    at = list(range(FIRST_LOOK, DAY + 1, EVERY))
    flags = np.array([method(levels[:, :end]) for end in at])
    return at, flags, levels[:, -1] - levels[:, DAY // 10]
