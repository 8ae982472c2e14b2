"""The table under a chart: the same numbers for those who can't or don't want to read lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heaptide_dashboards.charts import KEYS
from heaptide_dashboards.views import Line

ROWS = 12
# Rows of a long list that stand open; the rest is folded away below them.
SHOWN = 8


@dataclass(frozen=True)
class ChartTable:
    """One row a time, one column a line; `left_out` lines had no room."""

    names: list[str]
    rows: list[tuple[float, list[float | None]]]
    left_out: int


def chart_table(lines: Sequence[Line]) -> ChartTable:
    """The lines' values at up to `ROWS` times, the first and the last among them, newest first.

    All lines of a chart share their times.
    """
    shown = list(lines[:KEYS])
    times = shown[0].times if shown else []
    picked = sorted({round(index * (len(times) - 1) / (ROWS - 1)) for index in range(ROWS)}) if times else []
    rows = [(times[index], [line.values[index] for line in shown]) for index in reversed(picked)]
    return ChartTable([line.name for line in shown], rows, len(lines) - len(shown))


def lives_table(lines: Sequence[Line]) -> list[tuple[str, float, float | None]]:
    """A row a generation, the newest first: its name, its age in seconds at its last value, and that value."""
    return [(line.name, line.times[-1], line.values[-1]) for line in reversed(lines) if line.times]
