"""Series of the store as the lines of a chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from heaptide_dashboards.charts import KEYS
from heaptide_dashboards.views import Line
from heaptide_server.model import Floats, Series, Worker
from heaptide_server.store.cover import DAY, FIVE_MINUTES, HOUR

# As many points as a line of a thousand pixels can show without hiding a sawtooth.
MOST_BUCKETS = 160
# Up to here a chart reads single reports. In a longer one it reads sums of five minutes: narrower buckets than those
# would draw stairs.
RAW_SPAN_S = 3600.0
# More reports than that take longer to read than a page may take: 200 workers send 12,000 in an hour.
MOST_REPORTS = 4000
# Buckets of single workers that one chart may read; each costs some hundredths of a millisecond.
MOST_READ = 5000
# And those over which one chart may add up: a day of 200 workers is read from hours. Where sites are added up, a month
# too, since a site's hours stand in rows of their own.
MOST_TOLD = 50_000
ROLLUP_S = float(FIVE_MINUTES)
# And beyond a day sums of hours, which stand a row a site: reading 5 min of all sites for days takes seconds.
ROLLUP_SPAN_S = float(DAY)
# A report that comes a little late leaves an empty bucket; more in a row are a real gap.
BRIDGED_BUCKETS = 2
# While a worker restarts nobody reports for its slot; a sum over slots would fall into a hole that isn't there.
RESTART_BUCKETS = 6


@dataclass(frozen=True)
class Span:
    """The time that a chart shows: from the window's start or the first report in it, whichever is later, to now."""

    since: float
    until: float
    buckets: int


def chart_span(workers: Sequence[Worker], now: float, window_s: float) -> Span:
    """The span of a chart, cut into buckets of two reports at least; in a long one as wide as the store's own."""
    first_seen = min((worker.first_seen for worker in workers), default=now - window_s)
    since = max(now - window_s, first_seen)
    interval_s = max((worker.identity.interval_s for worker in workers), default=1.0)
    raw = now - since <= RAW_SPAN_S and _reports(workers, since, now) <= MOST_REPORTS
    finest_s = 2 * interval_s if raw else max(2 * interval_s, ROLLUP_S if now - since <= ROLLUP_SPAN_S else HOUR)
    buckets = int((now - since) / finest_s)
    return Span(since, now, min(MOST_BUCKETS, max(1, buckets)))


def coarser(span: Span, workers: Sequence[Worker], most: int = MOST_READ, widest_s: int = DAY) -> Span:
    """The span in buckets so wide that these workers have at most this many of them in all, but not wider than that."""
    if span.until - span.since <= RAW_SPAN_S:
        return span
    lived_s = sum(_lived_s(worker, span.since, span.until) for worker in workers)
    widths = [width for width in (FIVE_MINUTES, HOUR) if width < widest_s]
    width_s = next((width for width in widths if lived_s / width <= most), widest_s)
    return replace(span, buckets=max(1, min(span.buckets, int((span.until - span.since) / width_s))))


def _reports(workers: Sequence[Worker], since: float, until: float) -> float:
    return sum(_lived_s(worker, since, until) / worker.identity.interval_s for worker in workers)


def _lived_s(worker: Worker, since: float, until: float) -> float:
    return max(0.0, min(worker.last_seen, until) - max(worker.first_seen, since))


def resident_lines(series: Series) -> list[Line]:
    """A line a worker slot: in each bucket its newest generation, at the bucket's middle.

    Args:
        series: its rows are `Worker`s, its values their mean resident set in bytes.
    """
    by_slot = stitched(series)
    hosts = {host for host, _ in by_slot}
    times = bucket_middles(series)
    return [
        Line(_slot_text(host, slot, len(hosts) > 1), times, plain_values(values))
        for (host, slot), values in by_slot.items()
        if not np.isnan(values).all()
    ]


def stitched(series: Series) -> dict[tuple[str, int], Floats]:
    """The values of each worker slot, as host and number: in each bucket its newest generation's."""
    stitching = Stitching(series.rows)
    return dict(zip(stitching.slots, stitching.table(series.values), strict=True))


class Stitching:
    """How the lives of worker slots follow each other: one for all series of the same workers.

    Attributes:
        slots: hosts and numbers, in the order of the tables' rows.
    """

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._order = sorted(range(len(workers)), key=lambda row: _life(workers[row]))
        slots: dict[tuple[str, int], int] = {}
        self._lines = np.array([slots.setdefault(_slot(workers[row]), len(slots)) for row in self._order], np.int64)
        self.slots = list(slots)

    def table(self, values: Floats) -> Floats:
        """A row a slot from a row a worker."""
        values = bridged(values[self._order])
        table = np.full((len(self.slots), values.shape[1]), np.nan)
        rows, buckets = np.nonzero(~np.isnan(values))
        # Where two generations tell of one bucket, the last value written is the newest one's.
        table[self._lines[rows], buckets] = values[rows, buckets]
        return table


def bucket_middles(series: Series) -> list[float]:
    """The time in the middle of each bucket."""
    return [float(start + series.width_s / 2) for start in series.starts]


def slot_growth(series: Series) -> list[tuple[int, Line]]:
    """Bytes that one site grew in each worker slot since the chart's left edge, and the number of the slot's colour.

    Args:
        series: its rows are pairs of a `Worker` and the site's id.
    """
    by_slot: dict[tuple[str, int], Floats] = {}
    for (worker, _), values in zip(series.rows, series.values, strict=True):
        key = worker.identity.host, worker.slot
        by_slot[key] = by_slot.get(key, np.zeros(len(series.starts))) + np.nan_to_num(values)
    hosts = {host for host, _ in by_slot}
    names = [_slot_text(host, slot, len(hosts) > 1) for host, slot in by_slot]
    table = np.array(list(by_slot.values())).reshape(len(names), len(series.starts))
    lines = growth_lines(Series(series.starts, series.width_s, names, table), names)
    return [(index % KEYS + 1, line) for index, line in enumerate(lines)]


def life_lines(
    series: Series, site_ids: Sequence[int], *, by_slot: bool, most: int
) -> tuple[list[tuple[int, Line]], int]:
    """Bytes that a site grew in each generation along its age in seconds, and how many lines had no room.

    Args:
        series: its rows are pairs of a `Worker` and a site's id.
        site_ids: the sites, in the order of their colours.
        by_slot: colours tell slots apart, not sites.
        most: lines; the newest generations are kept.
    """
    rows = sorted(zip(series.rows, series.values, strict=True), key=lambda row: -row[0][0].first_seen)
    hosts = {worker.identity.host for (worker, _), _ in rows}
    slots = sorted({(worker.identity.host, worker.slot) for (worker, _), _ in rows})
    lines = []
    for (worker, site), values in rows[:most]:
        slot = worker.identity.host, worker.slot
        key = slots.index(slot) if by_slot else site_ids.index(site)
        name = f"{_slot_text(*slot, len(hosts) > 1)}, generation {worker.generation}"
        lines.append((key % KEYS + 1, _life_line(name, worker, values, series)))
    return lines[::-1], max(0, len(rows) - most)


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


def bridged(values: Floats, most: int = BRIDGED_BUCKETS) -> Floats:
    """The values with gaps of up to `most` buckets between two known ones filled by a straight line.

    Args:
        values: one row of buckets, or several.
    """
    result = values.copy()
    rows = result.reshape(-1, values.shape[-1])
    for row in _with_gaps(rows):
        _bridge(rows[row], most)
    return result


def _with_gaps(values: Floats) -> NDArray[np.int64]:
    """The rows in which something unknown lies between two known values: of thousands most have none."""
    known = ~np.isnan(values)
    first, last = known.argmax(axis=1), known.shape[1] - known[:, ::-1].argmax(axis=1)
    return np.flatnonzero(known.any(axis=1) & (known.sum(axis=1) < last - first))


def _bridge(row: Floats, most: int) -> None:
    for left, right in pairwise(np.flatnonzero(~np.isnan(row))):
        if 1 < right - left <= most + 1:
            row[left : right + 1] = np.linspace(row[left], row[right], right - left + 1)


def _life_line(name: str, worker: Worker, values: Floats, series: Series) -> Line:
    """One generation from its first bucket to its last, from 0; what grew before the window isn't known."""
    ends = series.starts + series.width_s
    born = max(worker.identity.started_at, float(series.starts[0]))
    lived = (ends > born) & (series.starts <= worker.last_seen)
    ages = [max(0.0, born - worker.identity.started_at), *(ends[lived] - worker.identity.started_at)]
    return Line(name, [float(age) for age in ages], [0.0, *map(float, np.cumsum(np.nan_to_num(values[lived])))])


def _slot_text(host: str, slot: int, many_hosts: bool) -> str:
    return f"{host}, worker {slot}" if many_hosts else f"worker {slot}"


def _slot(worker: Worker) -> tuple[str, int]:
    return worker.identity.host, worker.slot


def _life(worker: Worker) -> tuple[str, int, int]:
    return worker.identity.host, worker.slot, worker.generation


def plain_values(values: Floats) -> list[float | None]:
    """The values as a chart takes them: None for NaN."""
    return [None if value != value else value for value in values.tolist()]
