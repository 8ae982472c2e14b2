"""Does a floor keep rising in its late half, and not in one step, or in few? DETECTION.md, step 4, on several scales.

A tracer that samples shows a slow leak as a few jumps, and a leak by the hour as one jump an hour: on a scale that is
too fine every rise looks like steps. A true step stays one on every scale.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats

TAIL = 0.15  # of the late increments on either side; the middle 70 % remain
SPREAD = 0.35
KEPT_RISE = 0.45
RISING = 0.55
LEAST_PIECES = 5  # on the coarsest scale


def middle_sum(increments: Floats) -> Floats:
    """Sum of the middle 70 % of the increments by size, along the last axis: what is left without the largest steps."""
    cut = max(1, round(TAIL * increments.shape[-1]))
    return np.asarray(np.sort(increments, axis=-1)[..., cut:-cut].sum(axis=-1))


def steady(curves: Floats) -> NDArray[np.bool_]:
    """Whether each row of (rows, k) rises steadily: on the finest scale over its late half, or on a coarser one.

    A coarser scale has too few pieces in the late half, so it looks at the whole.
    """
    result = _rises(curves[:, curves.shape[1] // 2 - 1 :])
    for width in (2, 3, 4):
        coarse = curves[:, (curves.shape[1] - 1) % width :: width]
        if coarse.shape[1] > LEAST_PIECES:
            result |= _rises(coarse) & _rises_late(coarse)
    return result


def _rises(part: Floats) -> NDArray[np.bool_]:
    increments = np.diff(part, axis=1)
    total = part[:, -1] - part[:, 0]
    from_right = np.minimum.accumulate(part[:, ::-1], axis=1)[:, ::-1]
    kept = from_right[:, -1] - from_right[:, 0]
    return np.asarray(
        (total > 0)
        & (middle_sum(increments) > SPREAD * total)
        & (kept > KEPT_RISE * total)
        & ((increments > 0).mean(axis=1) > RISING)
    )


def _rises_late(coarse: Floats) -> NDArray[np.bool_]:
    late = np.diff(coarse[:, coarse.shape[1] // 2 - 1 :], axis=1)
    return np.asarray(((late > 0).sum(axis=1) >= 2) & ((late > 0).mean(axis=1) > RISING))


def steps(curves: Floats) -> Floats:
    """How many equal steps rise as unevenly as each row of (rows, k) does: Kish's effective number of its increments.

    (sum d)^2 / sum d^2 over the increments d above zero (Kish 1965); k - 1 for an even rise, 0 for none.
    """
    up = np.maximum(np.diff(curves, axis=1), 0)
    squares = (up**2).sum(axis=1)
    return np.asarray(np.where(squares > 0, up.sum(axis=1) ** 2 / np.where(squares > 0, squares, 1), 0.0))


def in_step(joined: Floats) -> Floats:
    """Whether all workers rise at the same moments: intraclass correlation of their increments (Fisher 1925).

    Args:
        joined: shape (slots, rows, k).

    Returns:
        Shape (rows,): 1 where their steps coincide, near 0 where each rises by itself; 0 where fewer than two rise.
    """
    around = np.diff(joined, axis=2)
    moving = np.abs(around).sum(axis=2, keepdims=True) > 0
    around = np.where(moving, around - around.mean(axis=2, keepdims=True), 0)
    count = moving[:, :, 0].sum(axis=0)
    squares = (around**2).sum(axis=(0, 2))
    shared = (around.sum(axis=0) ** 2).sum(axis=1) / np.where(squares > 0, squares, 1)
    return np.asarray(np.where((count > 1) & (squares > 0), (shared - 1) / np.maximum(count - 1, 1), 0.0))
