"""Figures as plain dicts from plain data: what plotly.js draws, without a colour in them.

Colours belong to the page's theme, so a trace only names its part in `meta.role` and, for one of several series, its
place in the palette in `meta.key`; `charts.js` reads the colours from the style sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from heaptide_dashboards.axes import LIMIT_IN_SIGHT, age_axis, bytes_axis, count_axis, time_axis
from heaptide_dashboards.bands import band
from heaptide_dashboards.format import bytes_text, count_text, growth_text, plain
from heaptide_dashboards.marks import Marks, mark_traces
from heaptide_dashboards.outlook import horizon, outlook_traces
from heaptide_dashboards.trend import Trend
from heaptide_dashboards.views import Line, Outlook

Figure = dict[str, Any]
Trace = dict[str, Any]
Text = Callable[[float | None], str]

# As many hues as can be told apart by people with each kind of colour vision.
KEYS = 8
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
    lines: Sequence[Line],
    marks: Marks,
    *,
    total: Line | None = None,
    limit_bytes: float | None = None,
    outlook: Outlook | None = None,
) -> Figure:
    """The resident set of each worker slot, under the memory limit where that is in sight of the data.

    Args:
        lines: a slot each; of more than `KEYS` only lowest, median and highest are drawn.
        total: all slots of the host that is nearest to its limit.
        outlook: when that host reaches the limit; drawn from the end of `total`.
    """
    traces = _slots(lines, bytes_text)
    first, last = _span(lines)
    if total:
        traces.append(_trace(total, bytes_text, {"role": "total"}, 2.25))
    used = next((value for value in reversed((total or Line("", [], [])).values) if value is not None), None)
    until = last
    if outlook and used is not None:
        until = horizon(outlook, first, last)
        traces = outlook_traces(outlook, used, last, until) + traces
    highest = max(_heights(traces), default=0.0)
    top = highest * 1.05
    if limit_bytes is not None and limit_bytes <= highest * LIMIT_IN_SIGHT:
        top = max(top, limit_bytes * 1.03)
        traces.append(_limit(limit_bytes, first, until))
    return _figure(traces, time_axis(first, until), bytes_axis(0.0, top), marks, (first, last))


def count_figure(lines: Sequence[Line], marks: Marks) -> Figure:
    """Something counted in each worker slot, such as its threads."""
    traces = _slots(lines, count_text)
    top = max(_heights(traces), default=1.0) * 1.05
    return _figure(traces, time_axis(*_span(lines)), count_axis(top), marks, _span(lines))


def made_of_figure(lines: Sequence[Line], keys: Sequence[int], marks: Marks) -> Figure:
    """What the resident set was made of: areas on top of each other, each with its place in the palette."""
    traces = [
        _trace(line, bytes_text, {"role": "part", "key": key}, 0.75) | {"stackgroup": "made"}
        for line, key in zip(lines, keys, strict=True)
    ]
    heights = [sum(value or 0.0 for value in values) for values in zip(*(line.values for line in lines), strict=True)]
    axis = bytes_axis(0.0, max(heights, default=0.0) * 1.05)
    return _figure(traces, time_axis(*_span(lines)), axis, marks, _span(lines))


def growth_figure(lines: Sequence[Line], marks: Marks, keys: Sequence[int] | None = None) -> Figure:
    """Growth since the chart's left edge, along time; negative where more was freed than allocated."""
    traces = _series(lines, growth_text, keys)
    return _figure(traces, time_axis(*_span(lines)), _growth_axis(traces), marks, _span(lines))


def age_figure(lines: Sequence[Line], keys: Sequence[int]) -> Figure:
    """Growth since each generation's start, along its age in seconds: a real leak repeats in each.

    Args:
        keys: the colour's number of each line; generations of one site or one slot share theirs.
    """
    traces = _series(lines, growth_text, keys)
    for trace, line in zip(traces, lines, strict=True):
        trace["x"] = [round(age, 1) for age in line.times]
    return _figure(traces, age_axis(_span(lines)[1]), _growth_axis(traces), Marks(), (0.0, 0.0))


def leak_figure(lines: Sequence[Line], marks: Marks, trend: Trend | None = None) -> Figure:
    """Growth of one leak: the same as of several sites, its area filled, under the trend that was fitted to it."""
    traces = _series(lines, growth_text)
    for trace in traces:
        trace |= {"fill": "tozeroy", "meta": {"role": "area"}}
    traces += _trend(trend)
    return _figure(traces, time_axis(*_span(lines)), _growth_axis(traces), marks, _span(lines))


def _trend(trend: Trend | None) -> list[Trace]:
    """The interval as an area between two lines that aren't drawn, and the trend in its middle."""
    if trend is None:
        return []
    x = _milliseconds(trend.line.times)
    edge = {"type": "scatter", "mode": "lines", "x": x, "hoverinfo": "skip", "line": {"width": 0}}
    middle = _trace(trend.line, growth_text, {"role": "trend"}, 1.75)
    middle["line"]["dash"] = "dash"
    return [
        edge | {"name": "lower end", "y": trend.low, "meta": {"role": "edge"}},
        edge | {"name": "upper end", "y": trend.high, "fill": "tonexty", "meta": {"role": "interval"}},
        middle,
    ]


def _slots(lines: Sequence[Line], text: Text) -> list[Trace]:
    if len(lines) <= KEYS:
        return _series(lines, text)
    lowest, median, highest = band(lines)
    return [
        _trace(lowest, text, {"role": "band"}, 0),
        _trace(highest, text, {"role": "band"}, 0) | {"fill": "tonexty"},
        _trace(median, text, {"role": "series", "key": 1}, 1.75),
    ]


def _series(lines: Sequence[Line], text: Text, keys: Sequence[int] | None = None) -> list[Trace]:
    if keys is None and len(lines) > KEYS:
        return [_trace(line, text, {"role": "many"}, 1) for line in lines]
    keys = keys or range(1, len(lines) + 1)
    width = 1.25 if len(lines) > KEYS else 1.75
    return [_trace(line, text, {"role": "series", "key": key}, width) for line, key in zip(lines, keys, strict=True)]


def _trace(line: Line, text: Text, meta: dict[str, Any], width: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(line.name),
        "x": _milliseconds(line.times),
        "y": [None if value is None else round(value) for value in line.values],
        "text": [text(value) for value in line.values],
        "hovertemplate": "%{text}",
        "connectgaps": False,
        "line": {"width": width, "shape": "linear"},
        "meta": meta,
    }


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


def _growth_axis(traces: Sequence[Trace]) -> dict[str, Any]:
    heights = _heights(traces)
    low, high = min(heights, default=0.0), max(heights, default=0.0)
    return bytes_axis(min(0.0, low), max(0.0, high) * 1.05)


def _figure(
    traces: list[Trace], xaxis: dict[str, Any], yaxis: dict[str, Any], marks: Marks, measured: tuple[float, float]
) -> Figure:
    return {
        "data": mark_traces(marks, *measured) + traces,
        "layout": {
            "autosize": True,
            "showlegend": False,
            "hovermode": "x unified" if len(traces) <= KEYS + 3 else "closest",
            "dragmode": "zoom",
            # The same value on every refresh: what the reader zoomed into stays.
            "uirevision": "kept",
            "margin": MARGIN,
            "xaxis": xaxis,
            "yaxis": yaxis,
            "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        },
        "config": dict(CONFIG),
    }


def _heights(traces: Iterable[Trace]) -> list[float]:
    return [value for trace in traces for value in trace["y"] if value is not None]


def _span(lines: Sequence[Line]) -> tuple[float, float]:
    times = [time for line in lines for time in (line.times[:1] + line.times[-1:])]
    return min(times, default=0.0), max(times, default=0.0)


def _milliseconds(times: Iterable[float]) -> list[float]:
    return [round(time * 1000) for time in times]
