"""What resident sets were made of over time, over all worker slots. The arithmetic is `heaptide_server.resident`'s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from heaptide.wire import VITALS as REPORTED
from heaptide_dashboards.views import Line
from heaptide_server.model import Floats, Series
from heaptide_server.pages.lines import RESTART_BUCKETS, Stitching, bridged, bucket_middles, plain_values

_WANTED = ("rss_bytes", "malloc_free_bytes", "pymalloc_free_bytes", "pymalloc_used_bytes", "garbage_bytes")
# An agent's vitals grow from release to release; what none can report isn't asked for.
VITALS = tuple(name for name in _WANTED if name in REPORTED)


def total_line(series: Series, host: str) -> Line:
    """The sum of a host's slots in each bucket."""
    rows = [row for row, worker in enumerate(series.rows) if worker.identity.host == host]
    own = replace(series, rows=[series.rows[row] for row in rows], values=series.values[rows])
    slots = bridged(Stitching(own.rows).table(own.values), RESTART_BUCKETS)
    return Line(f"all on {host}", bucket_middles(series), plain_values(_sum(slots)))


def part_lines(vitals: Mapping[str, Series], traced: Series) -> list[Line]:
    """A line for each part that is known of a worker in a bucket, by its name in `heaptide_dashboards.bars.PARTS`.

    Args:
        vitals: mean per worker and bucket by the vital's name, `rss_bytes` among them.
        traced: what tracers knew at each bucket's end, by the same workers and buckets.
    """
    stitching = Stitching(traced.rows)
    series = {**vitals, "traced": replace(traced, values=_with_untraced(vitals, traced.values))}
    known = {name: bridged(stitching.table(one.values), RESTART_BUCKETS) for name, one in series.items()}
    parts = {name: _sum(values) for name, values in _parts(known).items()}
    times = bucket_middles(traced)
    return [Line(name, times, plain_values(values)) for name, values in parts.items() if np.nansum(values) > 0]


def _with_untraced(vitals: Mapping[str, Series], traced: Floats) -> Floats:
    """What is live in Python at the least: what tracers knew, and what is left of what they never saw.

    `heaptide_server.resident.explain` says how much that is at a life's end. Since nothing is added to it after tracing
    began, there was no less of it before; so what grows is what tracers saw grow, small blocks and large ones.
    """
    if "pymalloc_used_bytes" not in vitals:
        return traced
    untraced = np.maximum(0.0, vitals["pymalloc_used_bytes"].values - traced)
    last = untraced.shape[1] - 1 - (~np.isnan(untraced))[:, ::-1].argmax(axis=1)
    left: Floats = np.nan_to_num(np.take_along_axis(untraced, last[:, None], axis=1))
    return traced + left


def _parts(known: Mapping[str, Floats]) -> dict[str, Floats]:
    """The parts of each slot in each bucket; NaN where unknown, all of them where the resident set is."""
    rss = known["rss_bytes"]
    nothing = np.full_like(rss, np.nan)
    python = np.where(np.isnan(rss), np.nan, known["traced"])
    garbage = np.where(np.isnan(python), np.nan, known.get("garbage_bytes", nothing))
    free = {
        "free in Python": np.where(np.isnan(rss), np.nan, known.get("pymalloc_free_bytes", nothing)),
        "free in malloc": np.where(np.isnan(rss), np.nan, known.get("malloc_free_bytes", nothing)),
    }
    rest = np.maximum(0.0, rss - np.nan_to_num(python) - sum(np.nan_to_num(part) for part in free.values()))
    return {
        "Python": np.maximum(0.0, python - np.nan_to_num(garbage)),
        "garbage": garbage,
        **free,
        "native": np.where(np.isnan(python), np.nan, rest),
        "not told apart": np.where(np.isnan(python), rest, np.nan),
    }


def _sum(slots: Floats) -> Floats:
    """Over slots, leaving out what isn't known; NaN where nothing is."""
    told = ~np.isnan(slots)
    total: Floats = np.where(told.any(axis=0), np.where(told, slots, 0.0).sum(axis=0), np.nan)
    return total
