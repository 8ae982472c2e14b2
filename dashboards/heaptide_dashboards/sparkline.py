"""A line the size of a word, as the path of an inline SVG: no script, no chart library."""

from __future__ import annotations

from collections.abc import Sequence

WIDTH, HEIGHT = 120, 28
# The box is this part of the highest value high at the least: a resident set that wavers by a percent looks flat.
LEAST_SPAN = 0.25


def sparkline_path(values: Sequence[float | None]) -> str:
    """The `d` of an SVG path through the values, in a box of `WIDTH` by `HEIGHT`; gaps are left open."""
    known = [value for value in values if value is not None]
    if len(known) < 2 or max(known) <= 0:
        return ""
    span = max(max(known) - min(known), max(known) * LEAST_SPAN)
    low = (max(known) + min(known) - span) / 2
    commands, pen_down = [], False
    for index, value in enumerate(values):
        if value is not None:
            x = index / (len(values) - 1) * (WIDTH - 2) + 1
            y = HEIGHT - 2 - (value - low) / span * (HEIGHT - 4)
            commands.append(f"{'L' if pen_down else 'M'}{x:.1f} {y:.1f}")
        pen_down = value is not None
    return "".join(commands)
