"""What becomes of a leak, in words: its forecast, its ceiling, its mute."""

from __future__ import annotations

import math
from dataclasses import dataclass

from heaptide_dashboards.format import NBSP, bytes_text, exact_text

# What a person may mute a leak until: from a blip to what is felt on most machines.
MUTE_MIB = (10, 50, 100, 500, 1024)


@dataclass(frozen=True)
class ForecastView:
    """When the memory limit is reached, with a 90 % interval; `high` None says perhaps never."""

    limit_bytes: float
    exhausted_at: float
    low: float
    high: float | None


@dataclass(frozen=True)
class AdviceView:
    """What to do until it is fixed; `max_requests` is None where recycling would thrash."""

    max_requests: int | None
    jitter: int | None
    text: str


@dataclass(frozen=True)
class Outlook:
    """A sentence in three sizes: the number, what stands below it, and the exact times for who hovers."""

    text: str
    note: str
    exact: str


def span_text(seconds: float) -> str:
    """A span in its two largest units: `6 h 20 min`, `3 d 4 h`; under a minute it's said so."""
    minutes = max(0, round(seconds / 60))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{number}{NBSP}{unit}" for number, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if number]
    return " ".join(parts[:2]) or f"under 1{NBSP}min"


def forecast_outlook(forecast: ForecastView, now: float) -> Outlook:
    """The forecast of the memory limit."""
    limit = f"of {bytes_text(forecast.limit_bytes)}"
    if forecast.exhausted_at <= now:
        return Outlook("now due", f"the limit {limit} was expected to be reached", exact_text(forecast.exhausted_at))
    soonest = "now" if forecast.low <= now else span_text(forecast.low - now)
    latest = "perhaps never" if forecast.high is None else span_text(forecast.high - now)
    exact = f"{exact_text(forecast.exhausted_at)}, between {exact_text(forecast.low)} and "
    exact += "perhaps never" if forecast.high is None else exact_text(forecast.high)
    return Outlook(f"in {span_text(forecast.exhausted_at - now)}", f"90 %: {soonest} to {latest}, {limit}", exact)


def ceiling_text(ceiling_bytes: float | None) -> str | None:
    """Where something that fills will stop; None where nobody knows."""
    if ceiling_bytes is None or not math.isfinite(ceiling_bytes) or ceiling_bytes <= 0:
        return None
    return f"levels off at about {bytes_text(ceiling_bytes)}"


def mute_text(left_bytes: float | None) -> str:
    """Until when a muted leak is quiet."""
    if left_bytes is None:
        return "Muted for good"
    return f"Muted until each worker has grown by {bytes_text(max(0.0, left_bytes))} more"


def rate(amount: float, per: float) -> float | None:
    """A ratio; None where there was nothing to grow by."""
    return amount / per if per > 0 else None
