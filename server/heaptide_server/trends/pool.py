"""Pooling: many workers' slopes to one, and many rows' p-values to those worth believing."""

from __future__ import annotations

from math import erfc, inf, sqrt

import numpy as np

from heaptide_server.model import Floats

FALSE_DISCOVERIES = 0.01  # DETECTION.md, step 8


def random_effects(slopes: Floats, errors: Floats, present: Floats) -> tuple[Floats, Floats]:
    """Mean slope and its standard error by random effects (DerSimonian & Laird 1986).

    Args:
        slopes, errors: shape (workers, rows); errors above zero.
        present: 1.0 where a worker has seen the row, else 0.0.

    Returns:
        Mean and error, shape (rows,); 0 and infinity where no worker has seen the row.
    """
    weight = present / errors**2
    total = weight.sum(axis=0)
    some = np.maximum(total, 1e-300)
    fixed = (weight * slopes).sum(axis=0) / some
    excess = (weight * (slopes - fixed) ** 2).sum(axis=0) - np.maximum(present.sum(axis=0) - 1, 0)
    scale = total - (weight**2).sum(axis=0) / some
    between = np.where(scale > 0, np.maximum(excess, 0) / np.where(scale > 0, scale, 1), 0)
    weight = present / (errors**2 + between)
    total = weight.sum(axis=0)
    mean = (weight * slopes).sum(axis=0) / np.maximum(total, 1e-300)
    return mean, np.where(total > 0, 1 / np.sqrt(np.maximum(total, 1e-300)), np.inf)


def normal_score(t: Floats, degrees: int) -> Floats:
    """The normal z as unlikely as Student's t: few buckets have heavy tails (Wallace 1959)."""
    shrink = (8 * degrees + 1) / (8 * degrees + 3)
    return np.asarray(np.sign(t) * shrink * np.sqrt(degrees * np.log1p(t**2 / degrees)))


def believable(z: Floats) -> float:
    """The least z that Benjamini & Hochberg (1995) let pass among these one-sided tests; infinity where none."""
    p = np.sort([0.5 * erfc(value / sqrt(2)) for value in z])
    passing = np.flatnonzero(p <= FALSE_DISCOVERIES * np.arange(1, len(p) + 1) / len(p))
    if not len(passing):
        return inf
    return float(np.sort(z)[::-1][passing[-1]])
