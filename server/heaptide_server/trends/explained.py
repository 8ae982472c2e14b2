"""Does the load explain a rise? By what was freed, by how much either rose, and by how the load moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from heaptide_server.model import Floats
from heaptide_server.trends import fit
from heaptide_server.trends.generations import Clock, Curves, Slot

KEEPS_ALL = 0.9  # of what was ever allocated at a site lives still: what follows a load that falls gives some back
STEADY_RISE = 0.05  # of the load: less explains nothing
ELASTIC = 1.3  # a level that follows the load rises by its share, give or take
DOUBT_Z = 2.0  # and so many standard errors of that share: requests served jitter around the load that was asked for
PROPORTIONAL = 0.85  # late slope over early slope, without covariates
FAR_BETTER = 0.3  # of the squares left
_FIRST, _MIDDLE, _LAST = range(3)


def elastic(curves: Curves, keeps: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether the late rise is no more, as a share of the level, than that of the load.

    Then it may as well follow the load, however well a slope of its own fits, until the load falls again. What gives
    nothing back, as a pool of connections does, can follow the load's peaks alone: while the load rises, that it keeps
    all says nothing, and once the load has fallen, a rise is its own. It has followed from the first, too, where what
    leaks begins from nothing.

    Args:
        keeps: shape (rows,): whether a row has given nothing back.

    Returns:
        Of each slot alone, shape (slots, rows), and of all of them together, shape (rows,).
    """
    starts = np.nan_to_num(curves.each[:, :, 0])
    own = np.array([starts[curves.owner == slot].mean(axis=0) for slot in range(len(curves.joined))])
    present = curves.present[:, :, None]
    mean = (present * curves.joined).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    levels = (own[:, :, None] + curves.joined, starts.mean(axis=0)[:, None] + mean)
    doubt = _doubt(curves.rates)
    peaks = np.maximum.accumulate(fit.trailing(curves.rates))
    alone, together = (
        np.where(
            keeps,
            _no_more(level, peaks, _MIDDLE, doubt) & _no_more(level, peaks, _FIRST, doubt),
            _no_more(level, curves.rates, _MIDDLE, doubt),
        )
        for level in levels
    )
    return alone, together


def _no_more(levels: Floats, load: Floats, since: int, doubt: float) -> NDArray[np.bool_]:
    """Whether levels (..., k) rise from one third of the window to the last by no more than the load does, if it does.

    Args:
        since: which third.
        doubt: see `_doubt`.
    """
    before, after = (float(_third(load, which)) for which in (since, _LAST))
    more = after / before - 1 if before > 0 else 0.0
    level = _third(levels, since)
    rise = _third(levels, _LAST) - level
    return np.asarray((more > STEADY_RISE) & (rise < (ELASTIC * more + DOUBT_Z * doubt) * level))


def _doubt(rates: Floats) -> float:
    """Standard error of a load's rise as a share: of two means' difference, from how much neighbours differ."""
    mean, noise = float(_third(rates, _MIDDLE)), float((np.diff(rates) ** 2).mean()) / 2
    return float(np.sqrt(2 * noise / max(len(rates) // 3, 1)) / mean) if mean > 0 else 0.0


def _third(values: Floats, which: int) -> Floats:
    """The mean of one third of the window, along the last axis."""
    sixth = max(values.shape[-1] // 6, 1)
    middle = (sixth, values.shape[-1] // 2, values.shape[-1] - sixth)[which]
    return np.asarray(values[..., middle - sixth : middle + sixth].mean(axis=-1))


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
