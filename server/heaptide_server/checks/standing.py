"""How long a critical finding stands, and when people are told. Pure: one look in, the next state out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heaptide_server.checks.checkup import Checked
from heaptide_server.checks.finding import Finding

# As leaks do: two looks make it one, five without it end it.
LOOKS_TO_TELL = 2
CLEAR_LOOKS = 5


@dataclass(frozen=True)
class Standing:
    """A finding over several looks.

    Attributes:
        id: the finding's, see `Checked.id_of`.
        finding: as it was seen last.
        looks: looks in which it was found; `clear_looks`, those since in which it wasn't.
        told: whether people know of it.
    """

    id: str
    finding: Finding
    first_seen: float
    looks: int = 0
    clear_looks: int = 0
    told: bool = False

    @property
    def over(self) -> bool:
        """Whether it is found no more."""
        return self.clear_looks >= CLEAR_LOOKS


@dataclass(frozen=True)
class Step:
    """What a look changed: what stands from now on, and of what to tell that it fires or is over."""

    standing: list[Standing]
    gone: list[str]
    firing: list[Standing]
    resolved: list[Standing]


def advance(known: Mapping[str, Standing], checked: Checked, now: float) -> Step:
    """One look at a service.

    Args:
        known: what stood there before, by id.
        checked: the look; one without a worker that tells facts says nothing, and changes nothing.
        now: seconds since the epoch.
    """
    if not checked.telling:
        return Step([], [], [], [])
    critical = {checked.id_of(one): one for one in checked.findings if one.severity == "critical"}
    found = [_found(known.get(key), key, finding, now) for key, finding in critical.items()]
    missed = [replace(one, clear_looks=one.clear_looks + 1) for key, one in known.items() if key not in critical]
    firing = [one for one in found if one.told and not (known.get(one.id) and known[one.id].told)]
    gone = [one for one in missed if one.over or not one.told]
    stay = [one for one in missed if one not in gone]
    return Step(found + stay, [one.id for one in gone], firing, [one for one in gone if one.told])


def _found(before: Standing | None, key: str, finding: Finding, now: float) -> Standing:
    one = before or Standing(key, finding, now)
    looks = one.looks + 1
    return replace(one, finding=finding, looks=looks, clear_looks=0, told=one.told or looks >= LOOKS_TO_TELL)
