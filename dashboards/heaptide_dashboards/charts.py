"""Figures as plain dicts from plain data: what plotly.js draws, without a colour in them.

Colours belong to the page's theme, so a trace only names its part in `meta.role` and, for one of several series, its
place in the palette in `meta.key`; `charts.js` reads the colours from the style sheet.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import Any

from heaptide_dashboards.axes import LIMIT_IN_SIGHT, bytes_axis, time_axis
from heaptide_dashboards.format import bytes_text, growth_text, shorten, visible
from heaptide_dashboards.trend import Trend
from heaptide_dashboards.views import Line

Figure = dict[str, Any]
Trace = dict[str, Any]

# As many hues as can be told apart by people with each kind of colour vision.
KEYS = 8
NAME_LIMIT = 60
# The same for each chart of a page, so that their times stand above each other; a release's name goes on top.
MARGIN = {"l": 62, "r": 14, "t": 22, "b": 36, "pad": 4}
# Nothing leaves the host: plotly.js 4 would offer to upload the chart.
CONFIG = {
    "showSendToCloud": False,
    "plotlyServerURL": "",
    "displaylogo": False,
    "displayModeBar": False,
    "responsive": True,
}


def resident_set_figure(
    lines: Sequence[Line], limit_bytes: float | None, restarts: Sequence[float], releases: Sequence[tuple[float, str]]
) -> Figure:
    """The resident set of each worker slot, under the memory limit where that is in sight of the data."""
    traces = _series(lines, bytes_text)
    highest = max(_values(lines), default=0.0)
    top = highest * 1.05
    if limit_bytes is not None and limit_bytes <= highest * LIMIT_IN_SIGHT:
        top = max(top, limit_bytes * 1.03)
        traces.append(_limit(limit_bytes, *_span(lines)))
    return _figure(traces, lines, 0.0, top, restarts, releases)


def growth_figure(lines: Sequence[Line], restarts: Sequence[float], releases: Sequence[tuple[float, str]]) -> Figure:
    """Growth of several sites since the chart's left edge; negative where more was freed than allocated."""
    values = _values(lines)
    low, high = min(values, default=0.0), max(values, default=0.0)
    return _figure(_series(lines, growth_text), lines, min(0.0, low), max(0.0, high) * 1.05, restarts, releases)


def leak_figure(
    lines: Sequence[Line],
    restarts: Sequence[float],
    releases: Sequence[tuple[float, str]],
    trend: Trend | None = None,
) -> Figure:
    """Growth of one leak: the same as of several sites, its area filled, under the trend that was fitted to it."""
    values = _values(lines) + (trend.low + trend.high if trend else [])
    low, high = min(values, default=0.0), max(values, default=0.0)
    traces = _series(lines, growth_text)
    for trace in traces:
        trace |= {"fill": "tozeroy", "meta": {"role": "area"}}
    return _figure(traces + _trend(trend), lines, min(0.0, low), max(0.0, high) * 1.05, restarts, releases)


def _trend(trend: Trend | None) -> list[Trace]:
    """The interval as an area between two lines that aren't drawn, and the trend in its middle."""
    if trend is None:
        return []
    x = _milliseconds(trend.line.times)
    edge = {"type": "scatter", "mode": "lines", "x": x, "hoverinfo": "skip", "line": {"width": 0}}
    return [
        edge | {"name": "lower end", "y": trend.low, "meta": {"role": "edge"}},
        edge | {"name": "upper end", "y": trend.high, "fill": "tonexty", "meta": {"role": "interval"}},
        {
            "type": "scatter",
            "mode": "lines",
            "name": trend.line.name,
            "x": x,
            "y": trend.line.values,
            "text": [growth_text(value) for value in trend.line.values],
            "hovertemplate": "%{text}",
            "line": {"width": 1.75, "dash": "dash"},
            "meta": {"role": "trend"},
        },
    ]


def _series(lines: Sequence[Line], text: Any) -> list[Trace]:
    many = len(lines) > KEYS
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": plain_name(line.name),
            "x": _milliseconds(line.times),
            "y": line.values,
            "text": [text(value) for value in line.values],
            "hovertemplate": "%{text}",
            "connectgaps": False,
            "line": {"width": 1 if many else 1.75, "shape": "linear"},
            "meta": {"role": "many"} if many else {"role": "series", "key": index + 1},
        }
        for index, line in enumerate(lines)
    ]


def _limit(limit_bytes: float, first: float, last: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "memory limit",
        "x": _milliseconds((first, last)),
        "y": [limit_bytes, limit_bytes],
        "text": [bytes_text(limit_bytes)] * 2,
        "hovertemplate": "%{text}",
        "line": {"width": 1.25, "dash": "dash"},
        "meta": {"role": "limit"},
    }


def _marks(role: str, name: str, marks: Iterable[tuple[float, str]], height: float) -> list[Trace]:
    """Thin vertical lines in one trace, on an axis of their own from 0 to 1; none where there's nothing to mark."""
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for time, label in marks:
        x += [time * 1000, time * 1000, None]
        y += [0.0, height, None]
        text += ["", plain_name(label), ""]
    trace = {
        "type": "scatter",
        "mode": "lines+text" if role == "release" else "lines",
        "name": name,
        "x": x,
        "y": y,
        "text": text,
        "textposition": "top center",
        "cliponaxis": False,
        "yaxis": "y2",
        "hoverinfo": "skip",
        "line": {"width": 1, "dash": "dot" if role == "release" else "solid"},
        "meta": {"role": role},
    }
    return [trace] if x else []


def _figure(
    traces: list[Trace],
    lines: Sequence[Line],
    low: float,
    high: float,
    restarts: Sequence[float],
    releases: Sequence[tuple[float, str]],
) -> Figure:
    first, last = _span(lines)
    shown = [(time, "") for time in restarts if first <= time <= last]
    marks = _marks("restart", "restart", shown, 0.06)
    marks += _marks("release", "release", ((time, name) for time, name in releases if first <= time <= last), 1.0)
    return {
        "data": marks + traces,
        "layout": {
            "autosize": True,
            "showlegend": False,
            "hovermode": "x unified" if len(lines) <= KEYS else "closest",
            "dragmode": "zoom",
            # The same value on every refresh: what the reader zoomed into stays.
            "uirevision": "kept",
            "margin": MARGIN,
            "xaxis": time_axis(first, last),
            "yaxis": bytes_axis(low, high),
            "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        },
        "config": dict(CONFIG),
    }


def plain_name(name: str) -> str:
    """A name that plotly.js shows as it is: its texts know a small HTML of their own."""
    return html.escape(shorten(visible(name), NAME_LIMIT), quote=False)


def _values(lines: Sequence[Line]) -> list[float]:
    return [value for line in lines for value in line.values if value is not None]


def _span(lines: Sequence[Line]) -> tuple[float, float]:
    times = [time for line in lines for time in (line.times[:1] + line.times[-1:])]
    return min(times, default=0.0), max(times, default=0.0)


def _milliseconds(times: Iterable[float]) -> list[float]:
    return [round(time * 1000) for time in times]
