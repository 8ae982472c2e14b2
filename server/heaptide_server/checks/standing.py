"""How long a critical finding stands, and when people are told. Pure: one look in, the next state out.

The rules are the leaks': told after two looks, told again while it lasts, over after five looks without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from heaptide_server.checks.checkup import Checked
from heaptide_server.checks.finding import Finding
from heaptide_server.leaks import states

LOOKS_TO_TELL = states.Options.suspect_looks
CLEAR_LOOKS = states.Options.clear_looks


@dataclass(frozen=True)
class Standing:
    """A finding over several looks.

    Attributes:
        id: the finding's, see `Checked.id_of`.
        finding: as it was seen last.
        looks: looks in which it was found; `clear_looks`, those since in which it wasn't.
        told_at: when people were told last, seconds since the epoch; None while they don't know of it.
    """

    id: str
    finding: Finding
    first_seen: float
    looks: int = 0
    clear_looks: int = 0
    told_at: float | None = None

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


def advance(known: Mapping[str, Standing], checked: Checked, now: float, repeat_s: float) -> Step:
    """One look at a service.

    Args:
        known: what stood there before, by id.
        checked: the look; one without a worker that tells facts says nothing, and changes nothing.
        now: seconds since the epoch.
        repeat_s: seconds after which one that lasts is told again; 0 for never.
    """
    if not checked.telling:
        return Step([], [], [], [])
    critical = {checked.id_of(one): one for one in checked.findings if one.severity == "critical"}
    found = [_found(known.get(key), key, finding, now, repeat_s) for key, finding in critical.items()]
    missed = [replace(one, clear_looks=one.clear_looks + 1) for key, one in known.items() if key not in critical]
    told_before = {key: one.told_at for key, one in known.items()}
    firing = [one for one in found if one.told_at != told_before.get(one.id)]
    gone = [one for one in missed if one.over or one.told_at is None]
    stay = [one for one in missed if one not in gone]
    return Step(found + stay, [one.id for one in gone], firing, [one for one in gone if one.told_at is not None])


def _found(before: Standing | None, key: str, finding: Finding, now: float, repeat_s: float) -> Standing:
    one = before or Standing(key, finding, now)
    one = replace(one, finding=finding, looks=one.looks + 1, clear_looks=0)
    return replace(one, told_at=now) if _due(one, now, repeat_s) else one


def _due(one: Standing, now: float, repeat_s: float) -> bool:
    """Whether people are to be told of one that was just seen."""
    if one.told_at is None:
        return one.looks >= LOOKS_TO_TELL
    return repeat_s > 0 and states.repeats(one.told_at, now, now, repeat_s)
