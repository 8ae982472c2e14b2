"""The trend that was fitted to a leak, laid over the growth that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from heaptide_dashboards.views import LeakPage, Line

NAME = "fitted trend"


@dataclass(frozen=True)
class Trend:
    """A straight line over the times of the leak, and its interval around the middle of them."""

    line: Line
    low: list[float]
    high: list[float]


def of_page(page: LeakPage) -> Trend | None:
    """The trend of a leak's page."""
    rates = page.leak.bytes_per_hour, page.low_bytes_per_hour, page.high_bytes_per_hour
    return of_lines(page.growth, page.leak.status, page.leak.first_seen, *rates)


def of_lines(
    lines: Sequence[Line], status: str, since: float, per_hour: float, low: float, high: float
) -> Trend | None:
    """The trend of a leak's growth, its only line; what fills rises along no straight line."""
    return fitted(lines[0], since, per_hour, low, high) if lines and status != "filling" else None


def fitted(line: Line, since: float, per_hour: float, low: float, high: float) -> Trend | None:
    """The trend from `since` on, through the middle of what was measured there; None where that is nearly nothing.

    Args:
        line: growth in bytes.
        since: when the leak was first seen, seconds since the epoch.
        per_hour: bytes an hour; `low` and `high` are its 90 % interval.
    """
    known = [(time, value) for time, value in zip(line.times, line.values, strict=True) if value is not None]
    told = [point for point in known if point[0] >= since]
    # A leak that was just found: what made it one lies before that.
    told = told if len(told) > len(known) / 4 else known
    if len(told) < 3:
        return None
    times = [time for time, _ in told]
    middle, level = fmean(times), fmean(value for _, value in told)
    ends = [times[0], times[-1]]
    mid, lower, upper = ([level + rate * (end - middle) / 3600 for end in ends] for rate in (per_hour, low, high))
    return Trend(Line(NAME, ends, list(mid)), lower, upper)


def beside(line: Line, trend: Trend) -> Line:
    """The trend at another line's times, to stand beside it in a table; a gap where it doesn't reach."""
    (first, last), (low, high) = trend.line.times, (value or 0.0 for value in trend.line.values)
    rise = (high - low) / ((last - first) or 1.0)
    inside = [low + rise * (time - first) if first <= time <= last else None for time in line.times]
    return Line(trend.line.name, line.times, inside)
