"""Workers that end young again and again: in a crash loop, or recycled so often that they do little else."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.guards import DEVELOPMENT, UNKNOWN, reloads, server_of
from heaptide_server.checks.reading import names, now_of, number, told

LOOP_S = 600.0  # Kubernetes calls it a crash loop until a container has run for ten minutes
LOOP_DEATHS = 3
SHORT_LIFE_S = 60.0
LEAST_RECYCLED = 6  # in an hour
THRASHING_S = 600.0  # the leaks' own advice recycles no more often than this


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """Crash loops of the last ten minutes, and recycling of the last hour."""
    return [finding for finding in (_crashing(workers), _recycling(workers)) if finding]


def _crashing(workers: Sequence[WorkerFacts]) -> Finding | None:
    now = now_of(workers)
    by_slot: dict[tuple[str, int], list[WorkerFacts]] = {}
    for one in workers:
        if one.worker.ended_at and now - one.worker.last_seen < LOOP_S and _young(one) and not _meant(one):
            by_slot.setdefault((one.worker.identity.host, one.worker.slot), []).append(one)
    loops = {place: found for place, found in by_slot.items() if len(found) >= LOOP_DEATHS}
    return _crash_loop(loops) if loops else None


def _crash_loop(loops: dict[tuple[str, int], list[WorkerFacts]]) -> Finding:
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
        fix="Look at the log of the newest one: what fails at start-up (a database that doesn't answer, a setting "
        "that is missing) fails again each time. Have the app wait for what it needs, with a limit:\n\n"
        "    for pause_s in (1, 2, 4, 8, 16):\n"
        "        if await ready():\n"
        "            break\n"
        "        await asyncio.sleep(pause_s)",
        workers=names(ended[-10:]),
    )


def _recycling(workers: Sequence[WorkerFacts]) -> Finding | None:
    """Each new worker imports the app, fills its caches and opens its connections again."""
    now = now_of(workers)
    recent = [one for one in workers if one.worker.ended_at and now - one.worker.last_seen < 3600 and _recycled(one)]
    lives = sorted(one.worker.last_seen - one.worker.identity.started_at for one in recent)
    if len(lives) < LEAST_RECYCLED or lives[len(lives) // 2] >= THRASHING_S:
        return None
    life_s, most = (
        max(lives[len(lives) // 2], 1.0),
        max(number(told(one, "supervisor"), "max_requests") or 0 for one in recent),
    )
    return Finding(
        kind="recycled-too-often",
        severity="warning",
        title=f"Workers are recycled {len(lives)} times an hour: half of them live for {life_s:.0f} s or less.",
        evidence=(
            f"Each ends after {most:,.0f} requests or a little more, as its server was told.",
            "Each new one imports the app, fills its caches and opens its connections again.",
        ),
        fix=f"Let them live for ten minutes at least, at this load {most * THRASHING_S / life_s:,.0f} requests:\n\n"
        f"    {server_of(recent[0])} --max-requests {most * THRASHING_S / life_s:.0f} ...",
        workers=names(recent[-10:]),
    )


def _recycled(one: WorkerFacts) -> bool:
    """Whether it ended since it had served as many requests as its server allows."""
    most = number(told(one, "supervisor"), "max_requests") or 0
    return one.worker.end_reason == "final" and 0 < most <= one.worker.requests


def _young(one: WorkerFacts) -> bool:
    return one.worker.last_seen - one.worker.identity.started_at < SHORT_LIFE_S and one.worker.end_reason != "resync"


def _meant(one: WorkerFacts) -> bool:
    """Whether it ended as it should: recycled, reloaded, a script that was done, or by a person who develops."""
    done = server_of(one) == UNKNOWN and one.worker.end_reason == "final"
    return _recycled(one) or done or reloads(one) or one.worker.identity.environment.lower() in DEVELOPMENT
