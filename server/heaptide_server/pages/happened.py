"""What happened to a service, from its workers and from what it was told of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from heaptide_dashboards.marks import Marks
from heaptide_server.model import Event, Worker

# A deploy is told by whoever deploys and seen by its first worker, which may start a little before it's told.
SEEN_BEFORE_S = 900.0


def marks(workers: Sequence[Worker], events: Sequence[Event] = (), since: float = -math.inf) -> Marks:
    """What happened from `since` on; workers that were seen later may have begun before.

    A generation after the first is a restart; a release's first worker brings it, the oldest release was there.

    A deploy that was told of stands for the release's first worker, which comes when an old one is recycled.
    """
    by_age = sorted(workers, key=lambda worker: worker.first_seen)
    first_by_release: dict[str, float] = {}
    for worker in by_age:
        if worker.identity.release is not None:
            first_by_release.setdefault(worker.identity.release, worker.first_seen)
    told = [(event.at, event.release or event.text or "deploy") for event in events if event.kind == "deploy"]
    seen = [(time, name) for name, time in first_by_release.items()][1:]
    untold = [(time, name) for time, name in seen if time >= since and not _is_told(time, name, told)]
    return Marks(
        restarts=[worker.first_seen for worker in by_age if worker.generation > 1 and worker.first_seen >= since],
        releases=sorted([*told, *untold]),
        events=[(event.at, event.text or event.kind) for event in events if event.kind != "deploy"],
    )


def _is_told(seen_at: float, release: str, told: Sequence[tuple[float, str]]) -> bool:
    return any(name == release and time - SEEN_BEFORE_S <= seen_at for time, name in told)
