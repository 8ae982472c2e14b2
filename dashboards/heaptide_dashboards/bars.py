"""Stacked bars: what a resident set is made of, and how old live memory is. Widths are percent of the bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heaptide_dashboards.views import ResidentRow

# The parts of a resident set, bottom to top or left to right: name, its colour's number, and what it means.
PARTS = {
    "Python": (1, "live in Python's allocators"),
    "garbage": (6, "held by nothing any more: it waits for Python's garbage collector"),
    "free in Python": (3, "kept free by Python's own allocator"),
    "free in malloc": (5, "kept free by the C library, fragmentation among it"),
    "native": (2, "code, stacks, extensions, and what Python took before tracing began"),
    "not told apart": (8, "no tracer says how much of it is Python's"),
}


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
    errors = {"Python": row.python_error_bytes or None, "garbage": row.garbage_error_bytes or None}
    garbage = row.garbage_bytes if row.python_bytes is not None else None
    sizes = {
        "Python": None if row.python_bytes is None else max(0.0, row.python_bytes - (garbage or 0.0)),
        "garbage": garbage,
        "free in Python": row.pymalloc_free_bytes,
        "free in malloc": row.malloc_free_bytes,
        "native": row.native_bytes,
        "not told apart": _untold(row),
    }
    known = [(*_named(name), size, errors.get(name)) for name, size in sizes.items() if size is not None]
    whole = max(row.rss_bytes or 0.0, sum(size for _, _, _, size, _ in known), 1.0)
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


def _named(name: str) -> tuple[int, str, str]:
    key, meaning = PARTS[name]
    return key, name, meaning


def _untold(row: ResidentRow) -> float | None:
    if row.rss_bytes is None or row.python_bytes is not None:
        return None
    return max(0.0, row.rss_bytes - (row.malloc_free_bytes or 0.0) - (row.pymalloc_free_bytes or 0.0))
