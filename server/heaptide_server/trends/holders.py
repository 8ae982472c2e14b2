"""What holds a site's memory, where a retention path has told: a bound turns a suspect into a cache that fills."""

from __future__ import annotations

from dataclasses import dataclass, replace

from heaptide_server.trends.forecast import Memory
from heaptide_server.trends.verdict import Verdict

# Entries differ in size, and a sampler errs. Beyond this the entries themselves grow, and the bound bounds nothing.
OUTGROWN = 1.5
MIB = float(1 << 20)


@dataclass(frozen=True)
class Holder:
    """The end of a retention path.

    Attributes:
        name: such as "shop.catalogue._PAGES".
        bound: the most entries it keeps, such as an lru_cache's maxsize; None where it has none, or none is known.
        bounded: whether it has a bound at all.
        full_bytes: what it will hold in one worker once it is full, as far as its present entries tell.
    """

    name: str
    bound: int | None
    bounded: bool = False
    full_bytes: float | None = None


def told_of(
    verdict: Verdict, holder: Holder | None, worker_bytes: float, workers: int, memory: Memory | None = None
) -> Verdict:
    """The verdict in the light of what holds the memory. A series alone can't tell a leak from a cache that fills.

    Args:
        worker_bytes: what one worker holds of it now, on average over `workers` living ones.
        memory: what bounds the workers; None where nothing does.
    """
    if holder is None or not (verdict.suspect or verdict.filling):
        return verdict
    if not holder.bounded:
        return replace(verdict, evidence=f"{verdict.evidence} {holder.name} holds it and has no bound.")
    at = "" if holder.bound is None else f" at {holder.bound:,}"
    if holder.full_bytes is not None and worker_bytes > OUTGROWN * holder.full_bytes:
        more = f"{holder.name} holds it, which is bounded{at}, but it has outgrown that: its entries grow themselves."
        return replace(verdict, evidence=f"{verdict.evidence} {more}")
    if holder.full_bytes is not None and memory and _bursts(holder.full_bytes - worker_bytes, memory):
        full = f"{holder.full_bytes / MIB:,.0f} MiB in each worker, more than the memory limit leaves"
        more = f"{holder.name} holds it, which is bounded{at}, but full it would take {full}."
        return replace(verdict, evidence=f"{verdict.evidence} {more}")
    stop = f"{holder.name} holds it, which is bounded{at}: it will stop by itself."
    ceiling = verdict.ceiling_bytes if holder.full_bytes is None else holder.full_bytes * workers
    return replace(verdict, suspect=False, filling=True, clear=False, evidence=stop, ceiling_bytes=ceiling)


def _bursts(to_come: float, memory: Memory) -> bool:
    """Whether so many more bytes in each worker are more than the limit leaves: such a bound bounds nothing."""
    return to_come * memory.workers > memory.limit_bytes - memory.used_bytes
