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


def by_place(verdicts: Mapping[int, Verdict], sums: Mapping[str, Verdict], sites: Mapping[int, Site]) -> list[Together]:
    """Groups the verdicts. "(other)" has no place and belongs to no group.

    Args:
        verdicts: by the store's site id.
        sums: by place, of what all its sites hold together; not of each.
        sites: by their ids.
    """
    members: dict[str, list[int]] = {}
    for site_id in verdicts:
        if site_id in sites and (where := place(sites[site_id])):
            members.setdefault(where, []).append(site_id)
    return [_together(where, ids, verdicts, sums.get(where), sites) for where, ids in members.items()]


def _together(
    where: str, ids: list[int], verdicts: Mapping[int, Verdict], total: Verdict | None, sites: Mapping[int, Site]
) -> Together:
    lead = max(ids, key=lambda i: (verdicts[i].suspect, verdicts[i].filling, verdicts[i].bytes_per_hour, -i))
    chief = verdicts[lead]
    verdict = _added([verdicts[i] for i in ids], chief)
    if total:
        # The sum is as sure as the surest of them at the least, and from look to look one measure of what has grown.
        chosen = total if (total.suspect, total.filling) >= (chief.suspect, chief.filling) else verdict
        verdict = replace(
            chosen,
            clear=verdict.clear and total.clear,
            late_bytes=max(total.late_bytes, chief.late_bytes),
            grown_bytes=max(total.grown_bytes, chief.grown_bytes),
        )
    return Together(where, sites[lead], tuple(ids), verdict)


def _added(all_of_them: list[Verdict], chief: Verdict) -> Verdict:
    same = [one for one in all_of_them if (one.suspect, one.filling) == (chief.suspect, chief.filling)]
    return replace(
        chief,
        clear=all(one.clear for one in all_of_them),
        bytes_per_hour=sum(one.bytes_per_hour for one in same),
        low=sum(one.low for one in same),
        high=sum(one.high for one in same),
        bytes_per_request=_total(one.bytes_per_request for one in same),
        ceiling_bytes=_total(one.ceiling_bytes for one in same),
    )


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
