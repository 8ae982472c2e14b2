"""What happened to a service, drawn as thin vertical lines under and over a chart's series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from heaptide_dashboards.format import plain

RESTART_HEIGHT = 0.06
# Names nearer to each other than this part of the chart would be written over each other.
LEAST_APART = 0.07
# No chart is wider in pixels; a fleet that recycles its workers often restarts a hundred times as often in a month.
MOST_RESTARTS = 1200
_DASHES = {"release": "dot", "event": "dashdot", "restart": "solid"}


@dataclass(frozen=True)
class Marks:
    """Times in seconds since the epoch, those with names in their order."""

    restarts: Sequence[float] = ()
    releases: Sequence[tuple[float, str]] = ()
    events: Sequence[tuple[float, str]] = field(default=())


def mark_traces(marks: Marks, first: float, last: float) -> list[dict[str, Any]]:
    """The traces of what happened from `first` to `last`, on an axis of their own from 0 to 1."""
    restarts = [(time, "") for time in _told_apart(marks.restarts, (last - first) / MOST_RESTARTS)]
    named = sorted([*marks.releases, *marks.events])
    written = _written([time for time, _ in named if first <= time <= last], (last - first) * LEAST_APART)
    found = [
        _trace("restart", ((time, name) for time, name in restarts if first <= time <= last), RESTART_HEIGHT, written),
        _trace("event", ((time, name) for time, name in marks.events if first <= time <= last), 1.0, written),
        _trace("release", ((time, name) for time, name in marks.releases if first <= time <= last), 1.0, written),
    ]
    return [trace for trace in found if trace["x"]]


def _trace(role: str, marks: Iterable[tuple[float, str]], height: float, written: set[float]) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for time, label in marks:
        x += [time * 1000, time * 1000, None]
        y += [0.0, height, None]
        text += ["", plain(label, 24) if time in written else "", ""]
    return {
        "type": "scatter",
        "mode": "lines" if role == "restart" else "lines+text",
        "name": role,
        "x": x,
        "y": y,
        "text": text,
        "textposition": "top center",
        "cliponaxis": False,
        "yaxis": "y2",
        "hoverinfo": "skip",
        "line": {"width": 1, "dash": _DASHES[role]},
        "meta": {"role": role},
    }


def _told_apart(times: Sequence[float], apart: float) -> list[float]:
    """The first of those that would stand in one place."""
    return list({int(time / apart): time for time in reversed(times)}.values())[::-1] if apart else list(times)


def _written(times: Sequence[float], apart: float) -> set[float]:
    """The times whose names have room."""
    kept: list[float] = []
    for time in times:
        if not kept or time - kept[-1] >= apart:
            kept.append(time)
    return set(kept)
