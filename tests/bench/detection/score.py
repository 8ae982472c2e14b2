"""From outcomes to figures: precision, recall, time to detect, attribution; as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from tests.bench.detection.run import METHOD, Outcome
from tests.bench.table import show


def by_method(outcomes: Sequence[Outcome]) -> None:
    """One row a method."""
    methods = list(dict.fromkeys(o.method for o in outcomes))
    rows = [[m, *_figures([o for o in outcomes if o.method == m])] for m in methods]
    head = ["method", "precision (final)", "recall (final)", "precision (any)", "recall (any)", "median alert",
            "median, misses counted", "true site first", "in the first three"]  # fmt: skip
    show("Methods", head, rows)


def by_group(title: str, outcomes: Sequence[Outcome], key: str) -> None:
    """Our method by service or by tracer."""
    ours = [o for o in outcomes if o.method == METHOD]
    groups = sorted({str(getattr(o, key)) for o in ours})
    rows = [[g, *_figures([o for o in ours if str(getattr(o, key)) == g])] for g in groups]
    show(title, [key, "precision (final)", "recall (final)", "precision (any)", "recall (any)", "median alert",
                 "median, misses counted", "true site first", "in the first three"], rows)  # fmt: skip


def by_shape(outcomes: Sequence[Outcome]) -> None:
    """Our method and the simple ones on each shape: how many draws were ever, and finally, called leaks."""
    methods = list(dict.fromkeys(o.method for o in outcomes))
    for leak, title in ((True, "Leaks: called so in the end (ever), of all draws"), (False, "Innocent: called leaks")):
        shapes = list(dict.fromkeys(o.shape for o in outcomes if o.leak == leak))
        rows = []
        for shape in shapes:
            those = [o for o in outcomes if o.shape == shape]
            ours = [o for o in those if o.method == METHOD]
            cells = [_counts([o for o in those if o.method == m]) for m in methods]
            hours = _hours(ours, misses=False) if leak else "filling" if _filling(ours) else ""
            rows.append([shape, str(len(ours)), *cells, hours])
        show(title, ["shape", "draws", *methods, "median alert" if leak else "our word"], rows)


def short_lives(outcomes: Sequence[Outcome]) -> None:
    """False alarms of ordinary sites under short recycling and elsewhere."""
    rows = []
    for name, short in (("short recycling", True), ("elsewhere", False)):
        ours = [o for o in outcomes if o.method == METHOD and o.shape == "ordinary" and (o.service == "many") == short]
        rows.append([name, str(len(ours)), str(sum(o.ever for o in ours)), str(sum(o.final for o in ours))])
    show("False alarms of ordinary sites", ["where", "sites", "ever", "in the end"], rows)


def _figures(those: Sequence[Outcome]) -> list[str]:
    leaks, innocent = [o for o in those if o.leak], [o for o in those if not o.leak]
    cells = []
    for when in ("final", "ever"):
        hit, false = (sum(getattr(o, when) for o in part) for part in (leaks, innocent))
        cells += [f"{hit / max(hit + false, 1):.3f}", f"{hit / max(len(leaks), 1):.3f}"]
    found = [o for o in leaks if o.rank is not None]
    first, three = (sum(o.rank is not None and o.rank <= most for o in found) for most in (1, 3))
    return [*cells, _hours(leaks, misses=False), _hours(leaks, misses=True),
            f"{first / max(len(leaks), 1):.2f}", f"{three / max(len(leaks), 1):.2f}"]  # fmt: skip


def _hours(leaks: Iterable[Outcome], *, misses: bool) -> str:
    hours = [o.hours if o.hours is not None else 99.0 for o in leaks if o.leak and (misses or o.hours is not None)]
    middle = median(hours) if hours else 99.0
    return f"{middle:.1f} h" if middle < 99 else "-"


def _counts(those: Sequence[Outcome]) -> str:
    final, ever = sum(o.final for o in those), sum(o.ever for o in those)
    return f"{final} ({ever})" if ever or final else "0"


def _filling(ours: Sequence[Outcome]) -> bool:
    return any(o.status == "filling" for o in ours)
