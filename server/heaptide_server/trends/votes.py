"""A worker's vote: does its floor keep rising in the late half, and not in one step? DETECTION.md, step 4."""

from __future__ import annotations

import numpy as np

from heaptide_server.model import Floats
from heaptide_server.trends.fit import Fit

VOTE_Z = 2.0
TAIL = 0.15  # of the late increments on either side; the middle 70 % remain
SPREAD = 0.35
KEPT_RISE = 0.45
RISING = 0.55


def middle_sum(increments: Floats) -> Floats:
    """Sum of the middle 70 % of the increments by size, along the last axis: what is left without the largest steps."""
    cut = max(1, round(TAIL * increments.shape[-1]))
    return np.asarray(np.sort(increments, axis=-1)[..., cut:-cut].sum(axis=-1))


def rising(fit: Fit, error: Floats) -> Floats:
    """1.0 for each row that votes "rising", else 0.0, given its late slope's whole error: shape (rows,)."""
    floors = fit.adjusted
    start = floors.shape[1] // 2 - 1
    late = floors[:, start:]
    increments = np.diff(late, axis=1)
    total = late[:, -1] - late[:, 0]
    middle = middle_sum(increments)
    from_right = np.minimum.accumulate(late[:, ::-1], axis=1)[:, ::-1]
    kept = from_right[:, -1] - from_right[:, 0]
    vote = (
        (fit.late > VOTE_Z * error)
        & (total > 0)
        & (middle > SPREAD * total)
        & (kept > KEPT_RISE * total)
        & ((increments > 0).mean(axis=1) > RISING)
    )
    return np.asarray(vote, dtype=np.float64)
