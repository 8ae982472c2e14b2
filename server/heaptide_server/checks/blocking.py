"""Blocked event loops and starved thread pools: whose code, on which routes, for how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from heaptide_server.checks import delays, remedies
from heaptide_server.checks.delays import CRITICAL_SHARE, LEAST_STALLS, WARNING_SHARE
from heaptide_server.checks.finding import Finding, Severity, WorkerFacts
from heaptide_server.checks.reading import flag, is_old, living, names, number, rows, text, told, watched_s

MOST_FINDINGS = 5  # of one kind; the worst
LONG_STALL_S = 1.0  # on a route, once is enough: everybody else waited a second
KILLED_AFTER_S = 5.0  # uvicorn's --timeout-worker-healthcheck: its supervisor kills a worker that is silent for longer
LEAST_STARVED_S = 1.0  # a burst that waited for less is what a pool is for


@dataclass
class _Place:
    """One place that blocks, over all its routes and workers."""

    file: str
    function: str
    line: int
    in_app: bool
    calls: str | None
    through: list[str]
    count: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    cpu_s: float = 0.0
    starved_s: float = 0.0
    habit: bool = False
    share: float = 0.0
    routes: dict[str, float] = field(default_factory=dict)
    workers: list[WorkerFacts] = field(default_factory=list)

    @property
    def computes(self) -> bool:
        """Most of the time it had a CPU, rather than waiting for something."""
        return self.cpu_s > (self.total_s - self.starved_s) / 2


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """Who blocks the event loop, loops with too much to do, GIL holds, and thread pools that are too small."""
    alive = [one for one in living(workers) if told(one, "blocking")]
    blocked = sorted((place for place in _places(alive) if place.habit), key=lambda place: -place.total_s)
    found = [_blocked(place) for place in blocked[:MOST_FINDINGS]]
    found += delays.find(alive)
    starved = _threads(alive)
    return [*found, starved] if starved else found


def _places(alive: Sequence[WorkerFacts]) -> list[_Place]:
    places: dict[tuple[str, str], _Place] = {}
    for one in alive:
        for row in rows(told(one, "blocking"), "blockers"):
            file, function = text(row, "file"), text(row, "function")
            if file and function and not is_old(row, "last_at", one):
                place = places.setdefault((file, function), _new_place(row, file, function))
                _add(place, row, one)
    return list(places.values())


def _new_place(row: dict[str, object], file: str, function: str) -> _Place:
    through = row.get("through")
    return _Place(
        file=file,
        function=function,
        line=int(number(row, "line") or 0),
        in_app=bool(flag(row, "in_app")),
        calls=text(row, "calls"),
        through=[name for name in through if isinstance(name, str)] if isinstance(through, list) else [],
    )


def _add(place: _Place, row: dict[str, object], one: WorkerFacts) -> None:
    count, total_s, longest_s = (number(row, name) or 0.0 for name in ("count", "total_s", "longest_s"))
    place.count += int(count)
    place.total_s += total_s
    place.longest_s = max(place.longest_s, longest_s)
    place.cpu_s += number(row, "cpu_s") or 0.0
    place.starved_s += number(row, "starved_s") or 0.0
    own_s = max(0.0, total_s - (number(row, "starved_s") or 0.0))
    place.share = max(place.share, own_s / max(watched_s(one), total_s, 1e-9))
    route = text(row, "route")
    place.habit |= count >= LEAST_STALLS or (route is not None and longest_s >= LONG_STALL_S)
    if route:
        place.routes[route] = place.routes.get(route, 0.0) + total_s
    if one not in place.workers:
        place.workers.append(one)


def _blocked(place: _Place) -> Finding:
    mean_s = place.total_s / max(place.count, 1)
    means = remedies.means(place.calls, place.through, computes=place.computes)
    return Finding(
        kind="loop-blocked",
        severity=_severity(place.share, place.longest_s),
        title=f"{place.function} blocks the event loop: {place.count:,} times, {mean_s:.2g} s each, "
        f"{place.share:.1%} of a worker's time, in which it serves nobody else.",
        evidence=(
            f"{place.file}:{place.line} in {place.function}"
            + (f" calls {place.calls}" if place.calls else "")
            + (f", through {', '.join(place.through)}" if place.through else "")
            + f": {means.seen}",
            f"{place.total_s:,.1f} s in all, {place.longest_s:.2f} s at the longest"
            + (f"; {place.starved_s:,.1f} s of it without a CPU." if place.starved_s > place.total_s / 4 else "."),
            *_routes(place),
        ),
        fix=means.fix(place.function, place.calls),
        workers=names(place.workers),
        subject=f"{place.function} ({place.file})",
    )


def _routes(place: _Place) -> tuple[str, ...]:
    ranked = sorted(place.routes.items(), key=lambda item: -item[1])[:MOST_FINDINGS]
    return (f"On {', '.join(f'{route} ({seconds:,.1f} s)' for route, seconds in ranked)}.",) if ranked else ()


def _severity(share: float, longest_s: float) -> Severity:
    if share >= CRITICAL_SHARE or longest_s >= KILLED_AFTER_S:
        return "critical"
    return "warning" if share >= WARNING_SHARE / 10 or longest_s >= LONG_STALL_S else "info"


def _threads(alive: Sequence[WorkerFacts]) -> Finding | None:
    found = [(one, share) for one in alive if (share := _starved_share(one)) >= WARNING_SHARE]
    if not found:
        return None
    share = max(share for _, share in found)
    worst = max((told(one, "blocking")["threads"] for one, _ in found), key=lambda t: number(t, "starved_s") or 0.0)
    total, waiting = number(worst, "total") or 0.0, number(worst, "most_waiting") or 0.0
    starved_s, waited_s = number(worst, "starved_s") or 0.0, number(worst, "waited_s") or 0.0
    wanted = math.ceil(total + waited_s / max(starved_s, 1e-9))
    return Finding(
        kind="threads-starved",
        severity="critical" if share >= CRITICAL_SHARE else "warning",
        title=f"All {total:g} threads for sync endpoints are taken for {share:.1%} of the time: "
        f"up to {waiting:g} requests wait for one.",
        evidence=(
            f"{starved_s:,.1f} s with requests waiting, {waited_s / max(starved_s, 1e-9):.1f} of them on average.",
            *_holders(worst),
        ),
        fix="Make what the threads wait for quicker, or async. Or allow more of them, "
        f"{total:g} + those that waited on average:\n\n"
        "    from anyio import to_thread\n\n"
        "    @asynccontextmanager\n    async def lifespan(app):\n"
        f"        to_thread.current_default_thread_limiter().total_tokens = {wanted}\n        yield",
        workers=names(one for one, _ in found),
    )


def _starved_share(one: WorkerFacts) -> float:
    starved_s = number(told(one, "blocking").get("threads"), "starved_s") or 0.0
    return starved_s / watched_s(one) if starved_s >= LEAST_STARVED_S else 0.0


def _holders(threads: dict[str, object]) -> tuple[str, ...]:
    seen, holders = number(threads, "threads") or 0.0, threads.get("holders")
    if not seen or not isinstance(holders, list):
        return ()
    told_rows = [row for row in holders if isinstance(row, list) and len(row) == 4 and isinstance(row[3], int)]
    return tuple(f"{row[3] / seen:.0%} of its threads stood in {row[1]} ({row[0]}:{row[2]})." for row in told_rows[:3])
