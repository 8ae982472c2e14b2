"""The garbage collector: off although garbage comes, in debugging mode, or with what it can't collect."""

from __future__ import annotations

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.reading import flag, names, number, told

# Container objects made and not freed since the last collection. CPython collects the young ones at 700 or 2,000.
MANY_PENDING = 100_000


def find(alive: list[WorkerFacts]) -> list[Finding]:
    """What is wrong with the garbage collector of living workers."""
    return [finding for finding in (_saves_all(alive), _off(alive), _uncollectable(alive)) if finding]


def _saves_all(alive: list[WorkerFacts]) -> Finding | None:
    found = [one for one in alive if flag(told(one, "gc"), "saves_all")]
    if not found:
        return None
    kept = max(number(told(one, "gc"), "garbage") or 0.0 for one in found)
    return Finding(
        kind="gc-keeps-garbage",
        severity="critical",
        title=f"The garbage collector keeps what it finds instead of freeing it: {kept:,.0f} objects so far.",
        evidence=(
            "gc.DEBUG_SAVEALL is set, which puts all garbage into gc.garbage.",
            "It is meant for a debugging session.",
        ),
        fix="Take it out:\n\n    gc.set_debug(0)\n    gc.garbage.clear()",
        workers=names(found),
    )


def _off(alive: list[WorkerFacts]) -> Finding | None:
    found = [one for one in alive if (one.worker.vitals.get("gc_pending") or 0.0) >= MANY_PENDING and _seldom(one)]
    if not found:
        return None
    pending = max(one.worker.vitals.get("gc_pending") or 0.0 for one in found)
    off = flag(told(found[0], "gc"), "enabled") is False
    return Finding(
        kind="gc-off",
        severity="warning",
        title=f"The garbage collector {'is off' if off else 'hardly ever runs'}, and {pending:,.0f} "
        "objects wait for it.",
        evidence=(
            f"gc.isenabled() is {not off}; thresholds {told(found[0], 'gc').get('threshold')}.",
            f"{pending:,.0f} more container objects were made than freed since its last run: objects in reference "
            "cycles are never freed without it.",
        ),
        fix="Let it run, and keep it cheap by freezing what the start-up made:\n\n"
        "    gc.collect()\n    gc.freeze()\n    gc.enable()\n    gc.set_threshold(10_000, 20, 20)",
        workers=names(found),
    )


def _seldom(one: WorkerFacts) -> bool:
    facts = told(one, "gc")
    thresholds = facts.get("threshold")
    first = thresholds[0] if isinstance(thresholds, list) and thresholds and isinstance(thresholds[0], int) else None
    return flag(facts, "enabled") is False or first == 0 or (first is not None and first >= MANY_PENDING)


def _uncollectable(alive: list[WorkerFacts]) -> Finding | None:
    found = [
        one
        for one in alive
        if (number(told(one, "gc"), "garbage") or 0.0) > 0 and not flag(told(one, "gc"), "saves_all")
    ]
    if not found:
        return None
    facts = told(max(found, key=lambda one: number(told(one, "gc"), "garbage") or 0.0), "gc")
    types = facts.get("types")
    shown = (
        ", ".join(f"{row[0]} ({row[1]})" for row in types if isinstance(row, list) and len(row) == 2)
        if isinstance(types, list)
        else ""
    )
    return Finding(
        kind="gc-uncollectable",
        severity="warning",
        title=f"{number(facts, 'garbage') or 0:,.0f} objects can't be collected and stay in gc.garbage.",
        evidence=(
            f"Types: {shown or 'unknown'}.",
            "They are in cycles with an object of an extension that has tp_del.",
        ),
        fix="Break the cycle where the objects are done with (set the attribute that points back to None), or use a "
        "weak reference:\n\n    self.parent = weakref.ref(parent)",
        workers=names(found),
    )
