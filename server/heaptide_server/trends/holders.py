"""What holds a site's memory, where a retention path has told: a bound turns a suspect into a cache that fills."""

from __future__ import annotations

from dataclasses import dataclass, replace

from heaptide_server.trends.verdict import Verdict


@dataclass(frozen=True)
class Holder:
    """The end of a retention path.

    Attributes:
        name: such as "shop.catalogue._PAGES".
        bound: the most entries it keeps, such as an lru_cache's maxsize; None where it has no bound.
    """

    name: str
    bound: int | None


def told_of(verdict: Verdict, holder: Holder | None) -> Verdict:
    """The verdict in the light of what holds the memory. A series alone can't tell a leak from a cache that fills."""
    if holder is None or not (verdict.suspect or verdict.filling):
        return verdict
    if holder.bound is None:
        return replace(verdict, evidence=f"{verdict.evidence} {holder.name} holds it and has no bound.")
    stop = f"{holder.name} holds it, which is bounded at {holder.bound}: it will stop by itself."
    return replace(verdict, suspect=False, filling=True, clear=False, evidence=stop)
