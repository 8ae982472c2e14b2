"""What holds a leak's memory, from what workers answered about it: what the trends are told."""

from __future__ import annotations

from collections.abc import Sequence

from heaptide_server.model import Findings, Hop, Leak, RetentionPath
from heaptide_server.trends.holders import Holder

MOST_OF = 0.8  # of the oldest samples: a leak beside a cache has paths of its own, and few samples are looked at


def holder(leak: Leak) -> Holder | None:
    """What holds most of a leak's oldest samples; None where no worker has told yet, or different things do."""
    found = leak.diagnosis.findings if leak.diagnosis else None
    if not found or not found.paths:
        return None
    count = sum(path.count for path in found.paths)
    bounded = [path for path in found.paths if path.bound]
    if sum(path.count for path in bounded) >= MOST_OF * count:
        return _bounded(bounded[0], found)
    chief = found.paths[0]
    if bounded or chief.held_from_c or not chief.hops:
        return None
    return Holder(chief.hops[0].name, None)


def _bounded(path: RetentionPath, found: Findings) -> Holder:
    assert path.bound is not None
    at = max((i for i, hop in enumerate(path.hops) if hop.bound is not None), default=None)
    if at is None:
        return Holder(path.bound.kind, path.bound.maxsize, bounded=True)
    held = sum(found.ages.values()) if found.ages else 0.0
    entries = _entries(path.hops[at : at + 2])
    full = held * max(path.hops[at].bound or 0, entries) / entries if entries else None
    return Holder(_name(path.hops[: at + 1]), path.hops[at].bound, bounded=True, full_bytes=full or None)


def _name(hops: Sequence[Hop]) -> str:
    return hops[0].name if len(hops) == 1 else f"{hops[0].name} ({hops[-1].type})"


def _entries(hops: Sequence[Hop]) -> int:
    """Entries of a bounded container: its own, or those of the table in which it keeps them."""
    return next((hop.length for hop in hops if hop.length), 0)
