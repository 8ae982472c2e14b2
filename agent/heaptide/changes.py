"""Turns looks (levels) into changes: what differs from the levels that were queued last, and nothing else.

The sum of a row's changes since the last reset is its level, so a collector needs to keep changes only. Keys get the
worker's own numbers 0, 1, 2, ... in the order in which they are first queued; what comes when the table is full is
summed into one row with no frames.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from heaptide import wire
from heaptide.tracer.protocol import Look, RawFrame, StackStat

MOST_SITES = 5_000  # numbers a worker hands out: bounds its own tables, and the collector's map of it
MOST_TYPES = 5_000
OTHER = "(other)"
ROW_BYTES = 1_200  # estimate of what one numbered row holds here: key, frames, list of levels, table entries
LOOKS_BEFORE_RENEWAL = 100  # a full table is begun anew at most this often

# What has been allocated doesn't shrink when the stack holds nothing any more.
_ONLY_GROWING = frozenset({"allocated_bytes"})
_NOTHING = wire.pack([], {})

Levels = tuple["int | None", ...]
Place = Callable[[str], "tuple[str, bool]"]
WireFrame = tuple[str, str, int, bool]


@dataclass(frozen=True)
class SiteChanges:
    """What a report says of sites; see `heaptide.wire`. `changes` is packed."""

    first: int
    frames: list[WireFrame] = field(default_factory=list)
    define: list[list[int]] = field(default_factory=list)
    changes: bytes = _NOTHING

    def followed_by(self, later: SiteChanges) -> SiteChanges:
        """This and what came right after it, as one."""
        shift = len(self.frames)
        define = self.define + [[index + shift for index in stack] for stack in later.define]
        return SiteChanges(self.first, self.frames + later.frames, define, add(self.changes, later.changes))

    def size_bytes(self) -> int:
        """Estimate of what this holds."""
        return len(self.changes) + 150 * len(self.frames) + sum(60 + 8 * len(stack) for stack in self.define)


@dataclass(frozen=True)
class TypeChanges:
    """What a report says of object types; see `heaptide.wire`. `changes` is packed."""

    first: int
    define: list[str] = field(default_factory=list)
    changes: bytes = _NOTHING

    def followed_by(self, later: TypeChanges) -> TypeChanges:
        """This and what came right after it, as one."""
        return TypeChanges(self.first, self.define + later.define, add(self.changes, later.changes))

    def size_bytes(self) -> int:
        """Estimate of what this holds."""
        return len(self.changes) + 100 * len(self.define)


class Table:
    """Numbers and last queued levels of up to `most` keys, of which the last is kept for all others together."""

    def __init__(self, columns: Sequence[str], most: int) -> None:
        self._columns = tuple(columns)
        self._most = most
        self._numbers: dict[Hashable, int] = {}
        self._levels: list[list[int]] = []
        self._before: dict[Hashable, Levels] = {}
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._levels)

    def holding(self) -> frozenset[Hashable]:
        """Keys whose last queued level isn't zero; the sum of the others isn't one of them."""
        return frozenset(key for key, n in self._numbers.items() if self._levels[n][0] and key != OTHER)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._numbers

    def key(self, number: int) -> Hashable | None:
        """The key that has this number; None where none has it."""
        return next((key for key, n in self._numbers.items() if n == number), None)

    def reset(self) -> None:
        """Begins anew: the next difference or restatement defines every key, and its changes are levels."""
        if self._numbers:
            self._before = {key: tuple(self._levels[n]) for key, n in self._numbers.items() if any(self._levels[n])}
        self._numbers.clear()
        self._levels.clear()
        self.overflowed = False

    def difference(self, look: Mapping[Hashable, Levels], other: Levels) -> tuple[list[Hashable], bytes]:
        """Keys that are new, in the order of their numbers, and the packed changes of the rows that changed."""
        self._before = {}
        known = len(self._levels)
        rows = dict(self._rows(look, other))
        changed: dict[int, list[int]] = {}
        for key, number in self._numbers.items():
            change = self._move(number, rows[key] if key in rows else self._gone())
            if any(change) or number >= known:
                changed[number] = change
        new = [key for key, number in self._numbers.items() if number >= known]
        return new, self._pack(changed, rows.values())

    def restatement(self) -> tuple[list[Hashable], bytes]:
        """As `difference` where there was no look: nothing, but after a reset the levels from before it."""
        if not self._before:
            return [], _NOTHING
        look = dict(self._before)
        other = look.pop(OTHER, tuple(0 for _ in self._columns))
        return self.difference(look, other)

    def _rows(self, look: Mapping[Hashable, Levels], other: Levels) -> Iterable[tuple[Hashable, Levels]]:
        for key, levels in look.items():
            if key != OTHER and self._number(key):
                yield key, levels
            else:
                other = tuple(_plus(a, b) for a, b in zip(other, levels, strict=True))
        if OTHER in self._numbers or any(other):
            self._add(OTHER)
            yield OTHER, other

    def _number(self, key: Hashable) -> bool:
        """Whether the key has a number, or gets one now."""
        if key in self._numbers:
            return True
        room = self._most - (OTHER not in self._numbers)
        if len(self._numbers) >= room:
            self.overflowed = True
            return False
        self._add(key)
        return True

    def _add(self, key: Hashable) -> None:
        if key not in self._numbers:
            self._numbers[key] = len(self._levels)
            self._levels.append([0] * len(self._columns))

    def _gone(self) -> Levels:
        return tuple(None if name in _ONLY_GROWING else 0 for name in self._columns)

    def _move(self, number: int, levels: Levels) -> list[int]:
        last = self._levels[number]
        change = [0 if now is None else now - before for now, before in zip(levels, last, strict=True)]
        self._levels[number] = [before + step for before, step in zip(last, change, strict=True)]
        return change

    def _pack(self, changed: Mapping[int, Sequence[int]], rows: Iterable[Levels]) -> bytes:
        known = [any(value is not None for value in values) for values in zip(*rows, strict=True)]
        known = known or [False] * len(self._columns)
        ids = sorted(changed)
        columns: dict[str, Sequence[int]] = {}
        for at, (name, said) in enumerate(zip(self._columns, known, strict=True)):
            values = [changed[number][at] for number in ids]
            if said or any(values):
                columns[name] = values
        return wire.pack(ids, columns)


class Sites:
    """Changes per allocation site.

    Attributes:
        begun: whether there was a look yet.

    Args:
        place: turns a code object's file name into the name that travels and whether it is the user's own code.
        most: sites that get a number.
    """

    def __init__(self, place: Place, most: int = MOST_SITES) -> None:
        self._place = place
        self._table = Table(wire.SITE_COLUMNS, most)
        self._frames: dict[Hashable, Sequence[RawFrame]] = {}
        self._looks = 0
        self.begun = False

    def keep(self) -> frozenset[Hashable]:
        """Stacks that the next look must not leave out."""
        return self._table.holding()

    def held_bytes(self) -> int:
        """Estimate of what is held here."""
        return len(self._table) * ROW_BYTES

    def key(self, number: int) -> Hashable | None:
        """The stack that has this site number; None where none has it."""
        return self._table.key(number)

    @property
    def defined(self) -> int:
        """How many numbers are given out."""
        return len(self._table)

    @property
    def crowded(self) -> bool:
        """New stacks find no number, and it is long enough since all was begun anew: time for a reset."""
        return self._table.overflowed and self._looks >= LOOKS_BEFORE_RENEWAL

    def reset(self) -> None:
        """Begins anew: the next difference is all levels."""
        self._table.reset()
        self._looks = 0

    def unchanged(self) -> SiteChanges:
        """What a report says when there was no look."""
        first = self.defined
        return self._changes(first, *self._table.restatement())

    def difference(self, look: Look) -> SiteChanges:
        """What changed since the last look that was queued."""
        self._looks += 1
        self.begun = True
        first = len(self._table)
        levels: dict[Hashable, Levels] = {key: _site_levels(stat) for key, stat in look.stacks.items()}
        new, changes = self._table.difference(levels, _site_levels(look.other))
        self._frames.update((key, look.stacks[key].frames) for key in new if key != OTHER)
        return self._changes(first, new, changes)

    def _changes(self, first: int, new: Sequence[Hashable], changes: bytes) -> SiteChanges:
        frames: dict[WireFrame, int] = {}
        define = [self._define(self._frames.get(key, ()), frames) for key in new]
        if len(self._frames) > len(self._table) > 0:
            self._frames = {key: stack for key, stack in self._frames.items() if key in self._table}
        return SiteChanges(first, list(frames), define, changes)

    def _define(self, stack: Sequence[RawFrame], frames: dict[WireFrame, int]) -> list[int]:
        found = []
        for filename, function, line in stack:
            file, in_app = self._place(filename)
            found.append(frames.setdefault((file, function, line, in_app), len(frames)))
        return found


class Types:
    """Changes of object counts per type.

    Attributes:
        begun: whether objects were counted yet.
    """

    def __init__(self, most: int = MOST_TYPES) -> None:
        self._table = Table(wire.TYPE_COLUMNS, most)
        self.begun = False

    @property
    def defined(self) -> int:
        """How many numbers are given out."""
        return len(self._table)

    def held_bytes(self) -> int:
        """Estimate of what is held here."""
        return len(self._table) * ROW_BYTES // 2

    def reset(self) -> None:
        """Begins anew: the next difference is all levels."""
        self._table.reset()

    def unchanged(self) -> TypeChanges:
        """What a report says when objects weren't counted."""
        first = self.defined
        return self._changes(first, *self._table.restatement())

    def difference(self, counts: Mapping[str, int]) -> TypeChanges:
        """What changed since the last count that was queued."""
        self.begun = True
        first = self.defined
        return self._changes(first, *self._table.difference({name: (n,) for name, n in counts.items()}, (0,)))

    def _changes(self, first: int, new: Sequence[Hashable], changes: bytes) -> TypeChanges:
        return TypeChanges(first, [str(name) for name in new], changes)


def add(earlier: bytes, later: bytes) -> bytes:
    """Sums packed changes row by row; rows that come to nothing stay, for they may be a definition's."""
    rows: dict[int, dict[str, int]] = {}
    names: dict[str, Any] = {}
    for ids, columns in (wire.unpack(earlier), wire.unpack(later)):
        names.update(columns)
        for at, number in enumerate(ids):
            row = rows.setdefault(number, {})
            for name, values in columns.items():
                row[name] = row.get(name, 0) + values[at]
    ordered = sorted(rows)
    return wire.pack(ordered, {name: [rows[number].get(name, 0) for number in ordered] for name in names})


def _site_levels(stat: StackStat) -> Levels:
    variance = stat.variance_bytes2
    return (
        stat.bytes,
        stat.blocks,
        stat.survivor_bytes,
        stat.survivor_blocks,
        stat.allocated_bytes,
        None if variance is None else round(variance / 1024**2),
    )


def _plus(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b
