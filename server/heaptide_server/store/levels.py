"""Levels: the running sum of a worker's changes, dense over its own numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from heaptide_server.model import Columns, Ints, Traced


@dataclass(frozen=True)
class Levels:
    """What a worker holds now, by its own numbers 0 .. count - 1. Never changed in place: readers share it.

    `values` has the columns that the worker ever reported; a column that it never did is unknown, not zero.
    """

    count: int = 0
    values: dict[str, Ints] = field(default_factory=dict)

    def after(self, changes: Columns, count: int) -> Levels:
        """The levels after these changes; `count` is how many numbers are defined by then."""
        values = {name: _grown(column, count) for name, column in self.values.items()}
        for name, column in changes.values.items():
            level = values.setdefault(name, np.zeros(count, np.int64))
            level[changes.ids] += column
        return Levels(count, values)

    def before(self, changes: Columns) -> Levels:
        """The levels before these changes."""
        negative = Columns(changes.ids, {name: -column for name, column in changes.values.items()})
        return self.after(negative, self.count)

    def columns(self) -> Columns:
        """The levels as rows, those of zeros left out; `Levels().after(rows, count)` gives them back."""
        table = np.array(list(self.values.values()), np.int64).reshape(len(self.values), self.count)
        ids = np.flatnonzero(table.any(axis=0))
        return Columns(ids, {name: table[row][ids] for row, name in enumerate(self.values)})

    def traced(self) -> Traced | None:
        """Live bytes in all and their standard error; None where nothing is traced, or tracing is paused."""
        total = int(self.values["bytes"].sum()) if "bytes" in self.values else 0
        if total <= 0:
            return None
        # Stacks are sampled independently, so their variances add up; the column is in KiB squared.
        variance = self.values.get("variance_kib2")
        return Traced(total, None if variance is None else 1024 * math.sqrt(max(0, int(variance.sum()))))


def _grown(column: Ints, count: int) -> Ints:
    return np.concatenate([column, np.zeros(count - len(column), np.int64)])
