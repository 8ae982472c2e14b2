"""Which rollups and raw entries tell of a window of time, each change once: pure arithmetic on times."""

from __future__ import annotations

from dataclasses import dataclass

RAW = 0
FIVE_MINUTES, HOUR, DAY = 300, 3600, 86400
WIDTHS = (FIVE_MINUTES, HOUR, DAY)


@dataclass(frozen=True)
class Piece:
    """Buckets of one width (`RAW`: entries) that start in [since, until)."""

    width_s: int
    since: float
    until: float


@dataclass(frozen=True)
class Extent:
    """What there is.

    Attributes:
        rolled: for each width, the time before which every bucket is made.
        kept: for each width and `RAW`, the time before which data is gone.
    """

    rolled: dict[int, float]
    kept: dict[int, float]


def cover(since: float, until: float, extent: Extent, widest_s: float = DAY) -> list[Piece]:
    """Cuts a window into pieces that don't overlap, coarse ones in its middle, in the order of time.

    An edge that no longer has the finer data begins at the coarser bucket that holds it. Where raw entries are gone,
    buckets of five minutes are as fine as it gets, whatever `widest_s` says.
    """
    finest = FIVE_MINUTES if since < extent.kept[RAW] else RAW
    widths = [width for width in reversed(WIDTHS) if width <= max(widest_s, finest)]
    return _cover([*widths, RAW], since, until, extent)


def _cover(widths: list[int], since: float, until: float, extent: Extent) -> list[Piece]:
    if since >= until:
        return []
    width, finer = widths[0], widths[1:]
    if width == RAW:
        return [Piece(RAW, since, until)]
    whole = _floor(since, width) if since < extent.kept[finer[0]] else _ceil(since, width)
    end = min(_floor(until, width), extent.rolled[width])
    if end <= whole:
        return _cover(finer, since, until, extent)
    return [
        *_cover(finer, since, whole, extent),
        Piece(width, whole, end),
        *_cover(finer, end, until, extent),
    ]


def _floor(at: float, width: int) -> float:
    return at // width * width


def _ceil(at: float, width: int) -> float:
    floor = _floor(at, width)
    return floor if floor == at else floor + width
