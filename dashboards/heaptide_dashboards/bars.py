"""Stacked bars: what a resident set is made of, and how old live memory is. Widths are percent of the bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heaptide_dashboards.views import ResidentRow


@dataclass(frozen=True)
class Part:
    """A piece of a bar: `key` is its colour's number in the palette, `note` what else is known of it."""

    key: int
    label: str
    meaning: str
    bytes: float
    left: float
    width: float
    error_bytes: float | None = None


@dataclass(frozen=True)
class AgeBar:
    """Live bytes of one class of age, beside the largest."""

    label: str
    bytes: float
    width: float


def resident_parts(row: ResidentRow) -> list[Part]:
    """The known parts of a resident set, left to right; what nobody can tell apart is one part of its own."""
    error = row.python_error_bytes or None
    parts = [
        (1, "Python", "live in Python's allocators", row.python_bytes, error),
        (3, "free in Python", "kept free by Python's own allocator", row.pymalloc_free_bytes, None),
        (5, "free in malloc", "kept free by the C library, fragmentation among it", row.malloc_free_bytes, None),
        (2, "native", "code, stacks, extensions, and what Python took before tracing began", row.native_bytes, None),
        (8, "not told apart", "no tracer says how much of it is Python's", _untold(row), None),
    ]
    known = [(key, label, meaning, size, error) for key, label, meaning, size, error in parts if size is not None]
    whole = max(row.rss_bytes or 0.0, sum(size for *_, size, _ in known), 1.0)
    placed, left = [], 0.0
    for key, label, meaning, size, error in known:
        width = round(100 * size / whole, 2)
        placed.append(Part(key, label, meaning, size, round(left, 2), width, error))
        left += width
    return placed


def age_bars(ages: Sequence[tuple[str, float]]) -> list[AgeBar]:
    """A bar a class of age, the largest at its full width."""
    largest = max((size for _, size in ages), default=0.0) or 1.0
    return [AgeBar(label, size, round(100 * size / largest, 2)) for label, size in ages]


def _untold(row: ResidentRow) -> float | None:
    if row.rss_bytes is None or row.python_bytes is not None:
        return None
    return max(0.0, row.rss_bytes - (row.malloc_free_bytes or 0.0) - (row.pymalloc_free_bytes or 0.0))
