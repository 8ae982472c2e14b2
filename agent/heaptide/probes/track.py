"""The history of a number over a worker's life, in little room: what says whether it still rises."""

from __future__ import annotations

from typing import Any

MOST_POINTS = 32


class Track:
    """Keeps points of (requests served, value), evenly spread: when they are too many, every other goes."""

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = []
        self._stride = 1
        self._skipped = 0
        self._last = (0, 0)
        self._peak = 0
        self._made = 0

    def add(self, requests: int, value: int) -> None:
        """Takes the value of now."""
        if self._points:
            self._made += max(0, value - self._last[1])
        self._last = (requests, value)
        self._peak = max(self._peak, value)
        self._skipped += 1
        if self._points and self._skipped < self._stride:
            return
        self._skipped = 0
        self._points.append(self._last)
        if len(self._points) > MOST_POINTS:
            del self._points[1::2]
            self._stride *= 2

    def facts(self) -> dict[str, Any]:
        """The first value, that at half of the requests since, the last and the largest; `made` sums all rises.

        `requests` are those between the first value and the last, `looks` the points that are kept.
        """
        first, last = self._points[0], self._last
        middle = first[0] + (last[0] - first[0]) / 2
        half = next((point for point in self._points if point[0] >= middle), last)
        return {
            "first": first[1],
            "half": half[1],
            "last": last[1],
            "peak": self._peak,
            "made": self._made,
            "requests": last[0] - first[0],
            "looks": len(self._points),
        }
