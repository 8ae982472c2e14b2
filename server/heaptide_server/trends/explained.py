"""Does the load explain a rise? By what was freed, by how much either rose, and by how the load moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats
from heaptide_server.trends import fit
from heaptide_server.trends.generations import Clock, Curves, Slot

KEEPS_ALL = 0.9  # of what was ever allocated at a site lives still: what follows the load would have given it back
STEADY_RISE = 0.05  # of the load: less explains nothing
ELASTIC = 1.3  # a level that follows the load rises by its share, give or take
PROPORTIONAL = 0.85  # late slope over early slope, without covariates
FAR_BETTER = 0.3  # of the squares left


def elastic(curves: Curves) -> NDArray[np.bool_]:
    """Whether each row's late rise is no more, as a share of its level, than that of the load: shape (rows,).

    Then the row may as well follow the load, however well a slope of its own fits, until the load falls again.
    """
    width = curves.joined.shape[2]
    third = max(width // 6, 1)
    middle = slice(width // 2 - third, width // 2 + third)
    before, after = float(curves.rates[middle].mean()), float(curves.rates[-2 * third :].mean())
    more = after / before - 1 if before > 0 else 0.0
    level = np.nan_to_num(curves.each[:, :, 0]).mean(axis=0)
    present = curves.present[:, :, None]
    mean = (present * curves.joined).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    middle_level, last_level = (level + mean[:, part].mean(axis=1) for part in (middle, slice(-2 * third, None)))
    rise = last_level - middle_level
    return np.asarray((more > STEADY_RISE) & (rise < ELASTIC * more * middle_level))


def kept(slots: Sequence[Slot]) -> Floats:
    """Share of the bytes ever allocated that live still, 0 where the tracer doesn't tell: shape (rows,)."""
    lives = [life for slot in slots for life in slot.lives]
    allocated = np.sum([life.allocated for life in lives], axis=0)
    return np.where(allocated > 0, np.sum([life.live for life in lives], axis=0) / np.maximum(allocated, 1.0), 0.0)


def proportional(clock: Clock, curves: Curves, alone: fit.Fit) -> NDArray[np.bool_]:
    """Whether a rise in proportion to the requests served fits far better than the load and its past: shape (rows,).

    Args:
        alone: the fit without the load.
    """
    slots, rows, width = curves.joined.shape
    if clock != "requests":
        return np.zeros(rows, dtype=np.bool_)
    early, late, rest = (x.reshape(slots, rows).sum(axis=0) for x in (alone.early, alone.late, alone.rest))
    followed = fit.load_alone(curves.joined.reshape(-1, width), curves.rates).reshape(slots, rows).sum(axis=0)
    return np.asarray((early > 0) & (late > PROPORTIONAL * early) & (rest < FAR_BETTER * followed))


def falls(curves: Curves, line: fit.Fit) -> NDArray[np.bool_]:
    """Whether each row falls when the load rises, which nothing does that follows it: shape (rows,)."""
    slots, rows, _ = curves.joined.shape
    return np.asarray(line.response.reshape(slots, rows).sum(axis=0) < 0)
