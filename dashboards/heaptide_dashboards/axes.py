"""Axes that people can read: bytes in binary units, times on the browser's clock."""

from __future__ import annotations

import math
from typing import Any

from heaptide_dashboards.format import KIB, MINUS, NBSP, UNITS, ahead_text, count_text, duration_text

Axis = dict[str, Any]

TICKS = 4
# Steps on an axis of ages, in seconds: what people count time in.
AGE_STEPS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800)
AGE_TICKS = 8
# A limit line more than this far above the data would press the data flat against the bottom.
LIMIT_IN_SIGHT = 2.0


def bytes_axis(low: float, high: float) -> Axis:
    """A y axis from `low` to `high` bytes with round ticks in one binary unit.

    plotly.js knows only SI units, so ticks and their texts are worked out here.
    """
    if high <= low:
        high = low + KIB
    unit = min(max(0, int(math.log(max(abs(low), abs(high)), KIB))), len(UNITS) - 1)
    scale = KIB**unit
    step = nice_step((high - low) / scale / TICKS)
    if unit == 0:
        step = max(1.0, step)
    # Below zero only as far as the data goes: a site that was freed a little doesn't take a quarter of the chart.
    first, last = math.ceil(low / scale / step), math.ceil(high / scale / step)
    ticks = [index * step for index in range(first, last + 1)]
    return {
        "range": [min(low, ticks[0] * scale), ticks[-1] * scale],
        "tickmode": "array",
        "tickvals": [tick * scale for tick in ticks],
        "ticktext": [_tick_text(tick, unit) for tick in ticks],
        "fixedrange": True,
        "zeroline": False,
        "ticks": "",
    }


def count_axis(high: float) -> Axis:
    """A y axis from 0 to `high` of something that is counted."""
    step = max(1.0, nice_step(max(high, 1.0) / TICKS))
    ticks = [index * step for index in range(math.ceil(high / step) + 1)]
    texts = [count_text(tick) for tick in ticks]
    shown: Axis = {"range": [0.0, ticks[-1]], "tickmode": "array", "tickvals": ticks, "ticktext": texts}
    return shown | {"fixedrange": True, "zeroline": False, "ticks": ""}


def age_axis(last: float) -> Axis:
    """An x axis from 0 to an age of `last` seconds."""
    last = max(last, 1.0)
    step = next((step for step in AGE_STEPS if last / step <= AGE_TICKS), math.ceil(last / AGE_TICKS))
    ticks = [index * step for index in range(int(last / step) + 1)]
    return {
        "type": "linear",
        "range": [0.0, last],
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": ["start", *(ahead_text(tick) if tick >= 60 else duration_text(tick) for tick in ticks[1:])],
        "hoverformat": ",.0f",
        "ticksuffix": "",
        "showgrid": False,
        "zeroline": False,
    }


def time_axis(first: float, last: float) -> Axis:
    """An x axis over a span of seconds since the epoch.

    Its numbers are milliseconds since the epoch; `charts.js` moves them to the browser's own time zone, since plotly.js
    shows every date in UTC.
    """
    return {
        "type": "date",
        "range": [first * 1000, max(last, first + 1) * 1000],
        "tickformatstops": [
            {"dtickrange": [None, 60_000], "value": "%H:%M:%S"},
            {"dtickrange": [60_000, 86_400_000], "value": "%H:%M\n%b %-d"},
            {"dtickrange": [86_400_000, None], "value": "%b %-d"},
        ],
        "hoverformat": "%b %-d, %H:%M:%S",
        "nticks": 8,
        "showgrid": False,
        "zeroline": False,
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikedash": "solid",
        "spikesnap": "cursor",
    }


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that isn't below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * power >= rough * (1 - 1e-9))


def _tick_text(tick: float, unit: int) -> str:
    if abs(tick) < 1e-9:
        return "0"
    return f"{MINUS if tick < 0 else ''}{abs(tick):g}{NBSP}{UNITS[unit]}"
