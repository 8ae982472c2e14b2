"""Metrics' label sets: each combination of values stays in memory for the worker's life."""

from __future__ import annotations

import sys
from typing import Any

from heaptide.probes import Seen
from heaptide.probes.track import Track

MOST_METRICS = 10
LEAST_CHILDREN = 20
_MOST_TRACKED = 200


class Labels:
    """Tells of prometheus_client's default registry.

    Facts: metrics, the largest first: name, labels, and the `Track` of how many combinations it has.
    """

    name = "labels"

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._tracks: dict[str, tuple[list[str], Track]] = {}

    def facts(self) -> dict[str, Any]:
        """See the class."""
        for name, labels, children in _metrics():
            if name in self._tracks or (children >= LEAST_CHILDREN and len(self._tracks) < _MOST_TRACKED):
                self._tracks.setdefault(name, (labels, Track()))[1].add(self._seen.requests, children)
        rows: list[dict[str, Any]] = [
            {"name": name, "labels": labels, **track.facts()} for name, (labels, track) in self._tracks.items()
        ]
        return {"metrics": sorted(rows, key=lambda row: -int(row["last"]))[:MOST_METRICS]}


def _metrics() -> list[tuple[str, list[str], int]]:
    registry = getattr(sys.modules.get("prometheus_client"), "REGISTRY", None)
    collectors = getattr(registry, "_collector_to_names", None)
    found = []
    for collector in list(collectors) if isinstance(collectors, dict) else []:
        children = getattr(collector, "_metrics", None)
        if isinstance(children, dict):
            labels = [str(label) for label in getattr(collector, "_labelnames", ())]
            found.append((str(getattr(collector, "_name", "?")), labels[:10], len(children)))
    return found
