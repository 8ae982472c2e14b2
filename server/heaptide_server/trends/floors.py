"""Floors: a generation cut into buckets of equal work, each with a low quantile of the live bytes seen in it.

Floors ignore spikes, sawtooth crests and requests in flight (DETECTION.md, step 2).
"""

from __future__ import annotations

import numpy as np

from heaptide_server.model import Floats, Ints

WARM_UP = 0.12  # share of a generation that is warm-up (step 2)
MOST_BUCKETS = 24  # step 2
LEAST_BUCKETS = 8  # a hinge, two covariates and an error estimate need more points than parameters
QUANTILE = 0.15  # step 2
COVERED = 0.9  # a generation that ended inside a bucket says nothing of it, but for a rounding error

TIE = 1e-9  # of the window: so near to an edge is on it, whatever unit the clock is in
NO_TIME_S = 1e-6  # a bucket without time has no rate


def place(positions: Floats, edges: Floats) -> Ints:
    """The bucket of each position, -1 outside; a bucket holds its upper edge but not its lower one."""
    tie = TIE * (edges[-1] - edges[0])
    index = np.searchsorted(edges, positions - tie, side="left") - 1
    index[np.abs(positions - edges[0]) <= tie] = 0
    return np.where((index >= 0) & (index < len(edges) - 1), index, -1)


def bucket(floors: Floats, positions: Floats, edges: Floats) -> Floats:
    """Floors of shape (rows, n) at `positions` (n,) cut at `edges` (k + 1,): shape (rows, k), without gaps in between.

    A bucket without a value repeats the one before it, or, before a row was first seen, the first one seen: neither
    makes growth. Buckets that the generation hasn't lived through are NaN, and so are rows never seen.
    """
    index = place(positions, edges)
    count = len(edges) - 1
    inside = np.flatnonzero(index >= 0)
    buckets = index[inside]
    if not len(inside):
        return np.full((floors.shape[0], count), np.nan)
    # Positions ascend, so a bucket's columns follow each other: one table of (buckets, most columns in one).
    turn = np.arange(len(inside)) - np.searchsorted(buckets, buckets)
    table = np.full((floors.shape[0], count, int(turn.max()) + 1), np.nan)
    table[:, buckets, turn] = floors[:, inside]
    result = fill_gaps(low_quantile(table.reshape(-1, table.shape[2])).reshape(-1, count))
    reached = positions[-1] if len(positions) else -np.inf
    result[:, edges[:-1] + COVERED * np.diff(edges) > reached] = np.nan
    return result


def low_quantile(values: Floats) -> Floats:
    """The low quantile along the last axis of shape (rows, m), NaN ignored; NaN where nothing was seen."""
    ordered = np.sort(values, axis=1)  # NaN goes last
    seen = (~np.isnan(ordered)).sum(axis=1)
    at = QUANTILE * np.maximum(seen - 1, 0)
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(seen - 1, 0))
    rows = np.arange(len(ordered))
    share = at - below
    return np.asarray(ordered[rows, below] * (1 - share) + ordered[rows, above] * share)


def fill_gaps(values: Floats) -> Floats:
    """Repeats the value before each gap along the last axis; what precedes the first value becomes that value."""
    seen = ~np.isnan(values)
    first = np.argmax(seen, axis=1)
    latest = np.where(seen, np.arange(values.shape[1]), first[:, None])
    return np.asarray(np.take_along_axis(values, np.maximum.accumulate(latest, axis=1), axis=1))


def mean_rates(requests: Floats, age_s: Floats, positions: Floats, edges: Floats) -> Floats:
    """Requests per second in each bucket, shape (k,); NaN where the generation hasn't lived through it."""
    reached = positions[-1] if len(positions) else -np.inf
    at = np.append(0.0, positions) if positions[0] > 0 else positions
    served = np.append(0.0, requests) if positions[0] > 0 else requests
    lived = np.append(0.0, age_s) if positions[0] > 0 else age_s
    spent = np.diff(np.interp(edges, at, lived))
    rate = np.diff(np.interp(edges, at, served)) / np.where(spent > NO_TIME_S, spent, np.nan)
    rate[edges[:-1] + COVERED * np.diff(edges) > reached] = np.nan
    return np.asarray(rate)
