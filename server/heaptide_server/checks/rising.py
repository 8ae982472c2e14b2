"""Whether a number that an agent followed over a worker's life still rises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from heaptide_server.checks.finding import WorkerFacts
from heaptide_server.checks.reading import names, number, rows, told

LEAST_LOOKS = 6  # three in each half
LEAST_REQUESTS = 100
STILL = 0.25  # of the whole rise, in the second half of the requests: a cache that fills slows down more than that


@dataclass(frozen=True)
class Rise:
    """A number that rose, and did so until the end."""

    first: float
    half: float
    last: float
    requests: float

    def sentence(self, worker: str) -> str:
        """The rise in words."""
        return (
            f"{worker}: {self.first:,.0f} at first, {self.half:,.0f} half-way, {self.last:,.0f} now, "
            f"{self.requests:,.0f} requests later."
        )


class Rising(NamedTuple):
    """A row of a worker's facts whose number rises."""

    worker: WorkerFacts
    row: dict[str, Any]
    rise: Rise


def rising(alive: Sequence[WorkerFacts], probe: str, name: str, least: float) -> list[Rising]:
    """The rows of a probe that rise, in any worker, the largest first.

    Args:
        name: of the probe's list of rows.
        least: see `rise`.
    """
    found = [
        Rising(one, row, risen) for one in alive for row in rows(told(one, probe), name) if (risen := rise(row, least))
    ]
    return sorted(found, key=lambda each: -each.rise.last)


def evidence(found: Sequence[Rising]) -> tuple[str, ...]:
    """The largest rises in words."""
    return tuple(one.rise.sentence(names([one.worker])[0]) for one in found[:3])


def workers(found: Sequence[Rising]) -> tuple[str, ...]:
    """The workers concerned, each once."""
    return names({id(one.worker): one.worker for one in found}.values())


def rise(row: object, least: float) -> Rise | None:
    """The rise, where the number is at its peak, `least` or more, and a good part of its rise is of the second half.

    Args:
        row: what `heaptide.probes.track` tells.
        least: smaller numbers don't matter.
    """
    told = [number(row, name) for name in ("first", "half", "last", "peak", "requests", "looks")]
    if any(value is None for value in told):
        return None
    first, half, last, peak, requests, looks = (value or 0.0 for value in told)
    if looks < LEAST_LOOKS or requests < LEAST_REQUESTS or last < least:
        return None
    whole, second = last - first, last - half
    # A collection or a closing may take a few away; one that comes down from its peak by more is going up and down.
    risen = whole >= least / 2 and second >= STILL * whole and half > first and last >= 0.95 * peak
    return Rise(first, half, last, requests) if risen else None
