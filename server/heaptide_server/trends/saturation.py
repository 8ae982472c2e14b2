"""Saturation: is a bound in sight? Bounded shapes against unbounded ones. DETECTION.md, step 5."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heaptide_server.model import Floats

POWERS = np.array([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3, 1.6, 2.0, 2.5, 3.0])
TIMES = np.array([0.08, 0.12, 0.18, 0.27, 0.4, 0.55, 0.75, 1.0, 1.5])  # of the window, for the exponential fill
KNEES = np.arange(0.1, 0.98, 0.04)  # where a linear fill ends, in the window


@dataclass(frozen=True)
class Shapes:
    """How well each family fits, shapes (rows,); residuals are shares of the sum of squares around the mean."""

    unbounded: Floats
    bounded: Floats
    ceiling: Floats


def compare(floors: Floats, u: Floats, start: float) -> Shapes:
    """Fits `level + scale * shape` of both families to rows (rows, k) at `u` (k,) in 0 to 1.

    Args:
        start: where the worker's life began on the axis of `u`, at or below 0: a power law starts there.
    """
    around = floors - floors.mean(axis=1, keepdims=True)
    total = np.maximum((around**2).sum(axis=1), 1e-300)
    since = (u - start) / (1 - start)
    unbounded = [since**power for power in POWERS]
    fills = [1 - np.exp(-u / time) for time in TIMES] + [np.minimum(u, knee) for knee in KNEES]
    tops = np.concatenate([np.ones(len(TIMES)), KNEES])
    curves = np.array(fills)
    explained, scale = _project(around, curves)
    best = np.argmax(explained, axis=1)
    rows = np.arange(len(floors))
    means = curves.mean(axis=1)
    ceiling = floors.mean(axis=1) + scale[rows, best] * (tops[best] - means[best])
    power_explained, _ = _project(around, np.array(unbounded))
    hinge = np.column_stack([np.ones(len(u)), u, np.maximum(u - 0.5, 0)])
    kept = around @ (hinge @ np.linalg.pinv(hinge))
    hinge_explained = (kept**2).sum(axis=1)
    return Shapes(
        unbounded=1 - np.maximum(power_explained.max(axis=1), hinge_explained) / total,
        bounded=1 - explained.max(axis=1) / total,
        ceiling=ceiling,
    )


def _project(around: Floats, curves: Floats) -> tuple[Floats, Floats]:
    """Explained sum of squares and scale of each curve (c, k) for each centred row (rows, k): rising fits alone."""
    centred = curves - curves.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1))
    along = np.maximum(around @ (centred / norms[:, None]).T, 0)
    return along**2, along / norms
