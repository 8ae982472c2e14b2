"""The sieve: which rows grew at all. It spares nearly every site the fit (DETECTION.md, step 9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats
from heaptide_server.trends.floors import WARM_UP

SHARE = 0.2  # a fifth of the least growth


def rise(floors: NDArray[np.floating], age_s: Floats) -> Floats:
    """How far the low of the last third lies above that of the first one after warm-up; 0 where unknown: (rows,)."""
    if not len(age_s):
        return np.zeros(floors.shape[0])
    begin = int(np.searchsorted(age_s, WARM_UP * age_s[-1]))
    third = (len(age_s) - begin) // 3
    if third < 1:
        return np.zeros(floors.shape[0])
    first = np.fmin.reduce(floors[:, begin : begin + third], axis=1)
    seen_later = np.fmin.reduce(floors[:, begin:], axis=1)  # a row first seen late grows from its first value
    last = np.fmin.reduce(floors[:, -third:], axis=1)
    return np.asarray(np.nan_to_num(last - np.where(np.isnan(first), seen_later, first)))
