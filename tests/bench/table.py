"""Printing medians with their spread, as Markdown that can be pasted into the README."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """The median and the middle half: "1.04 (1.02 to 1.07)"."""
    low, _, high = quantiles(values, n=4, method="inclusive")
    return f"{form.format(median(values))} ({form.format(low)} to {form.format(high)})"


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)
