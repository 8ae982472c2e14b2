"""The fit: floor ~ 1 + u + max(u - middle, 0) + rate covariates, for many rows at once, insensitive to outliers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats

MIDDLE = 0.5
HUBER = 1.345  # 95 % efficient under normal errors (Huber 1964; Holland & Welsch 1977)
ROUNDS = 6
MAD_TO_SIGMA = 1.4826
STEADY_LOAD = 0.02  # a request rate that varies by less explains nothing and only costs a degree of freedom
MOST_PHI = 0.95
LAGS = (1, 2, 4, 8, 12)  # buckets
WALK = 1.15  # a fitted slope is that much less sure than the difference of the ends where noise is a walk


@dataclass(frozen=True)
class Fit:
    """Shapes are (rows,) but for `adjusted` (rows, k). Slopes are bytes per whole window.

    Attributes:
        early, late: slope before and after the middle.
        error, whole_error: standard errors of the late slope and of the mean of both.
        degrees: degrees of freedom left.
        adjusted: the floors without the part that the request rate explains.
        rest: sum of squares that the fit leaves, outliers held at Huber's bound.
        response: bytes that a lasting rise of the request rate by its standard deviation adds.
        functional: shape (k,): the late slope as a linear functional of a row (ordinary least squares).
    """

    early: Floats
    late: Floats
    error: Floats
    whole_error: Floats
    degrees: int
    adjusted: Floats
    functional: Floats
    rest: Floats
    response: Floats


def covariates(rates: Floats) -> Floats:
    """The request rate of each bucket and its moving average, centred: shape (k, 0), (k, 1) or (k, 2)."""
    known = np.isfinite(rates)
    if not known.any():
        return np.zeros((len(rates), 0))
    mean = float(rates[known].mean())
    rate = np.where(known, rates, mean) - mean
    if mean <= 0 or float(rate.std()) < STEADY_LOAD * mean:
        return np.zeros((len(rates), 0))
    rate = rate / rate.std()
    columns = np.column_stack([rate, trailing(rate)])
    return columns if _independent(columns) else columns[:, :1]


def trailing(rates: Floats) -> Floats:
    """The moving average over the last four buckets, shape (k,)."""
    sums = np.cumsum(rates)
    return np.array([(sums[i] - (sums[i - 4] if i >= 4 else 0.0)) / min(i + 1, 4) for i in range(len(rates))])


def _independent(columns: Floats) -> bool:
    return bool(np.linalg.cond(columns - columns.mean(axis=0)) < 1e3)


def load_alone(floors: Floats, rates: Floats) -> Floats:
    """Sum of squares that the load and its past leave of each row, without any rise: shape (rows,).

    The past as moving averages over several lengths, for sessions and caches with expiry lag behind by their lifetime.
    """
    known = np.isfinite(rates)
    rate = np.where(known, rates, rates[known].mean() if known.any() else 0.0)
    sums = np.concatenate([[0.0], np.cumsum(rate)])
    index = np.arange(len(rate))
    columns = [np.ones(len(rate))]
    for length in LAGS:
        begin = np.maximum(index + 1 - length, 0)
        columns.append((sums[index + 1] - sums[begin]) / (index + 1 - begin))
    design = np.column_stack(columns)
    rest = floors - floors @ (design @ np.linalg.pinv(design, rcond=1e-6))
    return np.asarray((rest**2).sum(axis=1))


def hinge(floors: Floats, u: Floats, load: Floats) -> Fit:
    """Fits every row of `floors` (rows, k) on positions `u` (k,) in 0 to 1 with covariates `load` (k, c).

    Iteratively re-weighted least squares with Huber's weights (Huber 1964); the error from Huber's asymptotic variance
    (Huber 1973), inflated by sqrt((1 + phi) / (1 - phi)) for a lag-1 autocorrelation phi of the residuals, which is
    corrected for its bias in short series (Kendall 1954). DETECTION.md, step 3. Where the load runs along with `u`, the
    two can't be told apart, and the error grows.
    """
    count = len(u)
    shape = np.column_stack([np.ones(count), u, np.maximum(u - MIDDLE, 0)])
    design = np.column_stack([shape, load]) if count - 3 - load.shape[1] >= 4 else shape
    spread = np.ptp(floors, axis=1)
    unit = np.where(spread > 0, spread, 1.0)[:, None]
    level = floors[:, :1]
    scaled = (floors - level) / unit
    beta, psi, slopes = _irls(design, scaled)
    degrees = count - design.shape[1]
    gram = np.linalg.pinv(design.T @ design)
    late, whole = np.zeros(design.shape[1]), np.zeros(design.shape[1])
    late[1:3], whole[1:3] = 1, (1, 0.5)
    free = np.linalg.pinv(shape.T @ shape)
    shared = np.sqrt(float(late @ gram @ late) / float(late[:3] @ free @ late[:3]))
    power = (psi**2).sum(axis=1) / degrees / slopes**2 * _inflation(psi)
    adjusted = scaled - beta[:, 3:] @ design[:, 3:].T
    half = count // 2
    error = np.minimum(np.sqrt(power * float(late @ gram @ late)), 2 * shared * walk_error(adjusted[:, half - 1 :]))
    whole_error = np.minimum(np.sqrt(power * float(whole @ gram @ whole)), shared * walk_error(adjusted))
    return Fit(
        early=beta[:, 1] * unit[:, 0],
        late=(beta[:, 1] + beta[:, 2]) * unit[:, 0],
        error=error * unit[:, 0],
        whole_error=whole_error * unit[:, 0],
        degrees=degrees,
        adjusted=adjusted * unit + level,
        functional=np.asarray(late @ gram @ design.T),
        rest=(psi**2).sum(axis=1) * unit[:, 0] ** 2,
        response=beta[:, 3:].sum(axis=1) * unit[:, 0],
    )


def choose(first: Fit, second: Fit, pick: NDArray[np.bool_]) -> Fit:
    """`second` for the rows picked, else `first`."""
    return Fit(
        early=np.where(pick, second.early, first.early),
        late=np.where(pick, second.late, first.late),
        error=np.where(pick, second.error, first.error),
        whole_error=np.where(pick, second.whole_error, first.whole_error),
        degrees=first.degrees,
        adjusted=np.where(pick[:, None], second.adjusted, first.adjusted),
        functional=first.functional,
        rest=np.where(pick, second.rest, first.rest),
        response=np.where(pick, 0.0, first.response),
    )


def walk_error(curves: Floats) -> Floats:
    """Standard error of the rise from end to end of each row if its steps were independent: shape (rows,).

    A sampled or bursty leak is a walk of jumps, for which an autocorrelated error of levels is far too wide. Steps that
    hang together show in the variance of longer ones, so the largest over three scales counts.
    """
    most = np.zeros(len(curves))
    for width in (1, 2, 3):
        steps = np.diff(curves[:, (curves.shape[1] - 1) % width :: width], axis=1)
        pieces = steps.shape[1]
        if pieces >= 3:
            most = np.maximum(most, steps.var(axis=1, ddof=1) * pieces)
    return np.asarray(np.sqrt(most) * WALK)


def _irls(design: Floats, floors: Floats) -> tuple[Floats, Floats, Floats]:
    """Coefficients, Huber's psi of the residuals, and the mean of its derivative."""
    width = design.shape[1]
    outer = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    weights = np.ones_like(floors)
    ridge = 1e-9 * np.eye(width) * len(design)
    for _ in range(ROUNDS):
        gram = (weights @ outer).reshape(-1, width, width) + ridge
        beta: Floats = np.linalg.solve(gram, ((weights * floors) @ design)[:, :, None])[:, :, 0].astype(np.float64)
        residuals: Floats = floors - beta @ design.T
        scale = MAD_TO_SIGMA * np.median(np.abs(residuals), axis=1, keepdims=True)
        bound = HUBER * np.maximum(scale, 1e-6)
        weights = np.minimum(1.0, bound / np.maximum(np.abs(residuals), 1e-300))
    inside = (np.abs(residuals) <= bound).mean(axis=1, keepdims=True)
    psi: Floats = np.clip(residuals, -bound, bound)
    slopes: Floats = np.maximum(inside[:, 0], 0.5)
    return beta, psi, slopes


def _inflation(residuals: Floats) -> Floats:
    count = residuals.shape[1]
    power = np.maximum((residuals**2).sum(axis=1), 1e-300)
    phi = (residuals[:, 1:] * residuals[:, :-1]).sum(axis=1) / power
    phi = np.clip(phi + (1 + 4 * phi) / count, 0.0, MOST_PHI)
    return np.asarray((1 + phi) / (1 - phi))
