"""Many lines as three: too many workers for a colour each still show how far apart they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from heaptide_dashboards.views import Line


def band(lines: Sequence[Line]) -> tuple[Line, Line, Line]:
    """The lowest, the median and the highest value at each time, of lines that share their times."""
    columns = [
        [value for value in values if value is not None]
        for values in zip(*(line.values for line in lines), strict=True)
    ]
    times = lines[0].times

    def line(name: str, pick: Callable[[list[float]], float]) -> Line:
        return Line(name, times, [pick(column) if column else None for column in columns])

    return line("lowest", min), line("median", median), line("highest", max)
