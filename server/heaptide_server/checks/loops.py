"""Crash loops: workers that die young, again and again, in the same place."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.guards import DEVELOPMENT, UNKNOWN, reloads, server_of
from heaptide_server.checks.reading import names, now_of, number, told

LOOP_S = 600.0  # Kubernetes calls it a crash loop until a container has run for ten minutes
LOOP_DEATHS = 3
SHORT_LIFE_S = 60.0


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """Crash loops of the last ten minutes."""
    now = now_of(workers)
    by_slot: dict[tuple[str, int], list[WorkerFacts]] = {}
    for one in workers:
        if one.worker.ended_at and now - one.worker.last_seen < LOOP_S and _young(one) and not _meant(one):
            by_slot.setdefault((one.worker.identity.host, one.worker.slot), []).append(one)
    loops = {place: found for place, found in by_slot.items() if len(found) >= LOOP_DEATHS}
    if not loops:
        return []
    return [_finding(loops)]


def _finding(loops: dict[tuple[str, int], list[WorkerFacts]]) -> Finding:
    ended = [one for found in loops.values() for one in found]
    lives = sorted(one.worker.last_seen - one.worker.identity.started_at for one in ended)
    return Finding(
        kind="crash-loop",
        severity="critical",
        title=f"Workers are in a crash loop: {len(ended)} ended in the last 10 min, each within "
        f"{max(lives[-1], 1):.0f} s of its start.",
        evidence=(
            f"Half of them lived for {lives[len(lives) // 2]:.0f} s or less.",
            *(f"{host}, worker {slot}: {len(found)} lives." for (host, slot), found in sorted(loops.items())[:5]),
            "None of them had served as many requests as it takes to be recycled.",
        ),
        fix="Look at the log of the newest one: what fails at start-up (a database that doesn't "
        "answer, a setting that is "
        "missing) fails again each time. Have the app wait for what it needs, with a limit, instead of ending:\n\n"
        "    for pause_s in (1, 2, 4, 8, 16):\n"
        "        if await ready():\n"
        "            break\n"
        "        await asyncio.sleep(pause_s)",
        workers=names(ended[-10:]),
    )


def _young(one: WorkerFacts) -> bool:
    return one.worker.last_seen - one.worker.identity.started_at < SHORT_LIFE_S and one.worker.end_reason != "resync"


def _meant(one: WorkerFacts) -> bool:
    """Whether it ended as it should: recycled, reloaded, a script that was done, or by a person who develops."""
    most = number(told(one, "supervisor"), "max_requests") or 0
    recycled = 0 < most <= one.worker.requests
    done = server_of(one) == UNKNOWN and one.worker.end_reason == "final"
    return recycled or done or reloads(one) or one.worker.identity.environment.lower() in DEVELOPMENT
