"""Sites that are one leak: those that meet in one function of the user's own code (DETECTION.md, step 10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from heaptide_server.leaks.fingerprint import place
from heaptide_server.model import Site
from heaptide_server.trends.verdict import Verdict


@dataclass(frozen=True)
class Together:
    """Sites of one place and what they say together; `lead` is the one with most growth."""

    place: str
    lead: Site
    site_ids: tuple[int, ...]
    verdict: Verdict


def by_place(verdicts: Mapping[int, Verdict], sites: Mapping[int, Site]) -> list[Together]:
    """Groups the verdicts, by the store's site id. "(other)" has no place and belongs to no group."""
    members: dict[str, list[int]] = {}
    for site_id in verdicts:
        if site_id in sites and (where := place(sites[site_id])):
            members.setdefault(where, []).append(site_id)
    return [_together(where, ids, verdicts, sites) for where, ids in members.items()]


def _together(where: str, ids: list[int], verdicts: Mapping[int, Verdict], sites: Mapping[int, Site]) -> Together:
    lead = max(ids, key=lambda i: (verdicts[i].suspect, verdicts[i].filling, verdicts[i].bytes_per_hour, -i))
    chief = verdicts[lead]
    same = [verdicts[i] for i in ids if (verdicts[i].suspect, verdicts[i].filling) == (chief.suspect, chief.filling)]
    per_request = _total(v.bytes_per_request for v in same)
    verdict = replace(
        chief,
        clear=all(verdicts[i].clear for i in ids),
        bytes_per_hour=sum(v.bytes_per_hour for v in same),
        low=sum(v.low for v in same),
        high=sum(v.high for v in same),
        bytes_per_request=per_request,
        ceiling_bytes=_total(v.ceiling_bytes for v in same),
    )
    return Together(where, sites[lead], tuple(ids), verdict)


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
