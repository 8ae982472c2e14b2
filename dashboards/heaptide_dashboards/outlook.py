"""The forecast as a picture: from what is used now to the memory limit, within its interval."""

from __future__ import annotations

from typing import Any

from heaptide_dashboards.format import bytes_text
from heaptide_dashboards.views import Outlook

# The future takes at most a third of the chart: what was measured stays the larger part.
AHEAD = 0.5


def horizon(outlook: Outlook, first: float, now: float) -> float:
    """How far to look ahead on a chart that begins at `first`: a little past exhaustion, where that is near enough."""
    return now + min((outlook.exhausted_at - now) * 1.1, (now - first) * AHEAD)


def outlook_traces(outlook: Outlook, used: float, now: float, until: float) -> list[dict[str, Any]]:
    """A cone and the line in its middle, up to the limit.

    Args:
        used: bytes used now, where the cone begins.
        until: the chart's right edge, seconds since the epoch.
    """
    upper = _edge(outlook.limit_bytes, used, now, outlook.low, until)
    lower = _edge(outlook.limit_bytes, used, now, outlook.high, until)
    middle = _edge(outlook.limit_bytes, used, now, outlook.exhausted_at, until)[:2]
    around = [*upper, *reversed(lower)]
    return [
        {"name": "forecast, 90 %", "fill": "toself", "hoverinfo": "skip", "line": {"width": 0}, **_line(around)},
        {
            "name": "forecast",
            "text": [bytes_text(size) for _, size in middle],
            "hovertemplate": "%{text}",
            "line": {"width": 1.5, "dash": "dash"},
            **_line(middle),
        },
    ]


def _line(points: list[tuple[float, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [round(time * 1000) for time, _ in points],
        "y": [size for _, size in points],
        "meta": {"role": "forecast"},
    }


def _edge(limit: float, used: float, now: float, full_at: float | None, until: float) -> list[tuple[float, float]]:
    """From now straight to the limit, then along it; level where it may never be reached."""
    if full_at is None:
        return [(now, used), (until, used)]
    if full_at >= until:
        return [(now, used), (until, used + (limit - used) * (until - now) / max(full_at - now, 1.0))]
    return [(now, used), (max(full_at, now), limit), (until, limit)]
