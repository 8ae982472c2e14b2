"""Series of the store as the lines of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from heaptide_dashboards.views import Line
from heaptide_server.model import Floats, Series, Worker

# As many points as a line of a thousand pixels can show without hiding a sawtooth.
MOST_BUCKETS = 160
# A report that comes a little late leaves an empty bucket; more in a row are a real gap.
BRIDGED_BUCKETS = 2


@dataclass(frozen=True)
class Span:
    """The time that a chart shows: from the window's start or the first report in it, whichever is later, to now."""

    since: float
    until: float
    buckets: int


def chart_span(workers: Sequence[Worker], now: float, window_s: float) -> Span:
    """The span of a chart, cut into buckets of two reports at least."""
    first_seen = min((worker.first_seen for worker in workers), default=now - window_s)
    since = max(now - window_s, first_seen)
    interval_s = max((worker.identity.interval_s for worker in workers), default=1.0)
    buckets = int((now - since) / (2 * interval_s))
    return Span(since, now, min(MOST_BUCKETS, max(1, buckets)))


def resident_lines(series: Series) -> list[Line]:
    """A line a worker slot: in each bucket its newest generation, at the bucket's middle.

    Args:
        series: its rows are `Worker`s, its values their mean resident set in bytes.
    """
    by_slot: dict[tuple[str, int], Floats] = {}
    for worker, values in sorted(zip(series.rows, series.values, strict=True), key=lambda row: _life(row[0])):
        key = worker.identity.host, worker.slot
        older = by_slot.get(key, np.full_like(values, np.nan))
        values = bridged(values)
        by_slot[key] = np.where(np.isnan(values), older, values)
    hosts = {host for host, _ in by_slot}
    times = [float(start + series.width_s / 2) for start in series.starts]
    return [
        Line(f"worker {slot}" if len(hosts) == 1 else f"{host}, worker {slot}", times, _plain(values))
        for (host, slot), values in by_slot.items()
        if not np.isnan(values).all()
    ]


def growth_lines(series: Series, names: Sequence[str]) -> list[Line]:
    """Bytes grown since the chart's left edge: a line a row, from zero, at the buckets' ends."""
    if not len(series.starts):
        return []
    times = [float(series.starts[0]), *(float(start + series.width_s) for start in series.starts)]
    grown = np.cumsum(np.nan_to_num(series.values), axis=1)
    return [Line(name, times, [0.0, *map(float, row)]) for name, row in zip(names, grown, strict=True)]


def total_trend(series: Series) -> list[float | None]:
    """The sum of all slots per bucket, None where none reported."""
    slots = [line.values for line in resident_lines(series)]
    buckets = [[value for value in bucket if value is not None] for bucket in zip(*slots, strict=True)]
    return [sum(values) if values else None for values in buckets]


def bridged(values: Floats) -> Floats:
    """The values with short gaps between two known ones filled by a straight line."""
    known = np.flatnonzero(~np.isnan(values))
    result = values.copy()
    for left, right in pairwise(known):
        if 1 < right - left <= BRIDGED_BUCKETS + 1:
            result[left : right + 1] = np.linspace(values[left], values[right], right - left + 1)
    return result


def _life(worker: Worker) -> tuple[str, int, int]:
    return worker.identity.host, worker.slot, worker.generation


def _plain(values: Floats) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]
