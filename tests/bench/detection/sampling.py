"""What the sampling tracer makes of the truth: estimates, their variance, survivors, and bytes ever allocated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tests.bench.detection.parts import Held, Part, Passing, Tables

from heaptide_server.model import Floats

SURVIVOR_INTERVALS = 2  # as the agent asks
TURNOVER = 30.0  # requests in flight are renewed so often in an interval


@dataclass(frozen=True)
class Estimates:
    """Shapes (rows, n)."""

    bytes: Floats
    survivor_bytes: Floats
    allocated_bytes: Floats
    variance: Floats


def observe(rows: list[list[Part]], blocks: Floats, sample_bytes: float, rng: np.random.Generator) -> Estimates:
    """Samples the parts of each row.

    Args:
        blocks: shape (rows,): mean bytes of a block.
        sample_bytes: mean bytes between two samples; 0 traces every block.
    """
    n = len(rows[0][0].put if isinstance(rows[0][0], Held) else rows[0][0].level)
    odds = -np.expm1(-blocks / sample_bytes) if sample_bytes else np.ones(len(blocks))
    weight = blocks / odds
    level, old, made, noise = (np.zeros((len(rows), n)) for _ in range(4))
    for row, parts in enumerate(rows):
        for part in parts:
            if isinstance(part, Tables):
                level[row] += part.level
                old[row] += np.minimum(part.level, _lagged(part.level))
                made[row] += np.cumsum(np.maximum(np.diff(part.level, prepend=0.0), 0))
            elif isinstance(part, Passing):
                seen = weight[row] * rng.poisson(part.level / weight[row]) if sample_bytes else part.level
                level[row] += seen
                made[row] += np.cumsum(TURNOVER * part.level)
                noise[row] += seen * weight[row] * (1 - odds[row])
    _held(rows, weight, sample_bytes, rng, level, old, made, noise, odds)
    return Estimates(level, old, made, noise)


def _lagged(values: Floats) -> Floats:
    return np.concatenate([np.zeros(SURVIVOR_INTERVALS), values])[: len(values)]


def _held(
    rows: list[list[Part]],
    weight: Floats,
    sample_bytes: float,
    rng: np.random.Generator,
    level: Floats,
    old: Floats,
    made: Floats,
    noise: Floats,
    odds: Floats,
) -> None:
    parts = [(row, part) for row, those in enumerate(rows) for part in those if isinstance(part, Held)]
    if not parts:
        return
    owner = np.array([row for row, _ in parts])
    put, freed = np.array([part.put for _, part in parts]), np.array([part.freed for _, part in parts])
    true = np.maximum(np.cumsum(put - freed, axis=1), 0)
    share = np.clip(freed / np.maximum(np.concatenate([put[:, :1], true[:, :-1] + put[:, 1:]], axis=1), 1e-9), 0, 1)
    random_order = np.array([part.order == "any" for _, part in parts])
    each = weight[owner]
    arrived = rng.poisson(put / each[:, None]) if sample_bytes else put / each[:, None]
    young = np.zeros((len(parts), SURVIVOR_INTERVALS))
    ripe = np.zeros(len(parts))
    for t in range(put.shape[1]):
        ripe += young[:, -1]
        young = np.column_stack([arrived[:, t], young[:, :-1]])
        ripe, young = _free(ripe, young, share[:, t], random_order, rng if sample_bytes else None)
        total = ripe + young.sum(axis=1)
        np.add.at(level[:, t], owner, each * total)
        np.add.at(old[:, t], owner, each * ripe)
        np.add.at(noise[:, t], owner, total * each**2 * (1 - odds[owner]))
    np.add.at(made, owner, each[:, None] * np.cumsum(arrived, axis=1))


def _free(
    ripe: Floats, young: Floats, share: Floats, random_order: Floats, rng: np.random.Generator | None
) -> tuple[Floats, Floats]:
    total = ripe + young.sum(axis=1)
    gone = rng.binomial(total.astype(np.int64), share) if rng else total * share
    evenly = np.divide(gone, total, out=np.zeros_like(total), where=total > 0)
    from_ripe = np.where(
        random_order, np.minimum(np.rint(ripe * evenly) if rng else ripe * evenly, ripe), np.minimum(gone, ripe)
    )
    left = gone - from_ripe
    ripe = ripe - from_ripe
    columns = []
    for column in young.T[::-1]:
        taken = np.minimum(left, column)
        columns.append(column - taken)
        left = left - taken
    ripe = np.maximum(ripe - left, 0)
    return ripe, np.column_stack(columns[::-1])
