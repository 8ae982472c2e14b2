"""The garbage collector: whether it runs, how seldom, and what it couldn't collect."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

MOST_LOOKED_AT = 1000  # of what couldn't be collected
MOST_TYPES = 3


class Garbage:
    """Tells of the garbage collector.

    Facts: enabled, threshold (three numbers), frozen (whether `gc.freeze` was used), saves_all (the debugging flag that
    keeps all that is found), garbage (objects that couldn't be collected), types of those, most frequent first.
    """

    name = "gc"

    def facts(self) -> dict[str, Any]:
        """See the class."""
        kept = gc.garbage[:MOST_LOOKED_AT]
        types = Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in kept)
        return {
            "enabled": gc.isenabled(),
            "threshold": list(gc.get_threshold()),
            "frozen": gc.get_freeze_count() > 0,
            "saves_all": bool(gc.get_debug() & gc.DEBUG_SAVEALL),
            "garbage": len(gc.garbage),
            "types": types.most_common(MOST_TYPES),
        }
