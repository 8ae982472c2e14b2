"""What the interpreter says: its garbage collector's counts."""

from __future__ import annotations

import gc


def take() -> dict[str, float | None]:
    """Reads the collector's counts, without a collection.

    `gc_collections` counts collections of all generations since the start. `gc_pending` is how many container objects
    were made since the last collection of the youngest generation, less those freed; the older generations' counts are
    collections, not objects, so they aren't in it. `gc_uncollectable` counts objects ever found uncollectable;
    `gc.garbage` would also hold what a debug flag puts there.
    """
    generations = gc.get_stats()
    return {
        "gc_collections": sum(generation["collections"] for generation in generations),
        "gc_pending": gc.get_count()[0],
        "gc_uncollectable": sum(generation["uncollectable"] for generation in generations),
    }
