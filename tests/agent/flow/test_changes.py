"""Changes are exact: their sum is the levels, whatever happens on the way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heaptide import wire
from heaptide.changes import Sites, Types, add
from heaptide.report import Report
from heaptide.ring import Ring
from heaptide.tracer.protocol import Look, StackStat

FEW = 4  # sites that get a number here, so that the rest overflows

levels = st.one_of(st.none(), st.integers(0, 1 << 40))
stats = st.builds(
    lambda size, blocks, old, total: (size, blocks, old, total),
    st.integers(1, 1 << 40),
    st.integers(1, 99),
    levels,
    levels,
)
looks = st.dictionaries(st.sampled_from("abcdef"), stats, max_size=6)
steps = st.lists(st.one_of(looks, st.just("skip"), st.just("resync"), st.just("merge"), st.just("send")), max_size=25)


def look(stacks: dict[str, tuple[int, int, int | None, int | None]], other: int = 0) -> Look:
    return Look(
        stacks={
            key: StackStat(((f"/app/{key}.py", key, 1), ("/app/main.py", "main", 2)), size, blocks, old, None, total)
            for key, (size, blocks, old, total) in stacks.items()
        },
        other=StackStat((), other, 0),
        sample_bytes=None,
        traced_bytes=0,
        held_bytes=0,
        hold_s=0.0,
    )


def place(filename: str) -> tuple[str, bool]:
    return filename.removeprefix("/app/"), True


def report(base: int, sequence: int, sites: Any, types: Any, requests: int = 1, **more: Any) -> Report:
    return Report(
        base=base,
        sequence=sequence,
        taken_at=float(sequence),
        elapsed_s=1.0,
        requests=requests,
        vitals={},
        tracer={"name": "exact", "skipped": False},
        sites=sites,
        types=types,
        agent={"longest_hold_s": 0.0},
        **more,
    )


class Reader:
    """What a collector makes of the reports: sums, per definition."""

    def __init__(self) -> None:
        self.sites: list[str] = []
        self.levels: list[dict[str, int]] = []
        self.acknowledged = 0

    def read(self, one: Report) -> None:
        if one.base == 0:
            self.__init__()  # type: ignore[misc]
        else:
            assert one.base == self.acknowledged
        assert one.sites.first == len(self.sites)
        for stack in one.sites.define:
            self.sites.append("".join(one.sites.frames[at][0] for at in stack[:1]))
            self.levels.append({})
        ids, columns = wire.unpack(one.sites.changes)
        for name, values in columns.items():
            for at, value in zip(ids, values, strict=True):
                self.levels[at][name] = self.levels[at].get(name, 0) + value
        self.acknowledged = one.sequence

    def holds(self) -> dict[str, tuple[int, int]]:
        pairs = zip(self.sites, self.levels, strict=True)
        return {site: (level["bytes"], level["blocks"]) for site, level in pairs if level.get("bytes")}


class Sender:
    """A worker that takes looks and queues reports, and knows what it has seen."""

    def __init__(self) -> None:
        self.sites, self.types, self.ring, self.reader = Sites(place, FEW), Types(), Ring(most_reports=3), Reader()
        self.base = self.number = self.requests = self.read_requests = 0
        self.seen: dict[str, tuple[int, int]] = {}
        self.numbered: set[str] = set()

    def look(self, stacks: Any) -> None:
        self.numbered |= set(list(dict.fromkeys([key for key in stacks if key not in self.numbered]))[: self._room()])
        self.seen = {f"{key}.py": stacks[key][:2] for key in stacks if key in self.numbered}
        rest = [stacks[key] for key in stacks if key not in self.numbered]
        self.seen[""] = (5 + sum(stat[0] for stat in rest), sum(stat[1] for stat in rest))
        self._queue(self.sites.difference(look(stacks, other=5)))

    def _room(self) -> int:
        return FEW - 1 - len(self.numbered)

    def skip(self) -> None:
        before = self.sites.defined
        changes = self.sites.unchanged()
        if not before:  # after a resync only what still holds something is numbered anew
            self.numbered = {frame[0].removesuffix(".py") for frame in changes.frames} - {"main"}
        self._queue(changes)

    def _queue(self, changes: Any) -> None:
        self.number += 1
        self.requests += 1
        self.ring.add(report(self.base, self.number, changes, self.types.unchanged()))
        self.base = self.number

    def merge(self) -> None:
        self.ring.merge()

    def resync(self) -> None:
        self.requests -= self.ring.give_up()
        self.sites.reset()
        self.base, self.numbered = 0, set()

    def send(self) -> None:
        while one := self.ring.attempt():
            self.reader.read(one)
            self.read_requests += one.requests
            assert self.ring.settle(one.sequence)
        if self.base:
            assert self.reader.holds() == self.seen


@given(steps)
def test_the_sum_of_changes_equals_the_levels_under_any_looks_merges_and_resyncs(sequence) -> None:
    sender = Sender()
    for step in [*sequence, "send"]:
        if isinstance(step, str):
            getattr(sender, step)()
        else:
            sender.look(step)
    assert sender.read_requests == sender.requests


def test_only_rows_that_changed_travel_and_only_columns_that_are_known() -> None:
    sites = Sites(place)
    sites.difference(look({"a": (10, 1, None, None), "b": (20, 2, None, None)}))
    ids, columns = wire.unpack(sites.difference(look({"a": (10, 1, None, None), "b": (25, 2, None, None)})).changes)
    assert ids == [1]
    assert columns == {"bytes": [5], "blocks": [0]}


def test_a_stack_that_is_gone_falls_to_zero_but_what_it_had_allocated_stays() -> None:
    sites = Sites(place)
    sites.difference(look({"a": (10, 1, 4, 99)}))
    ids, columns = wire.unpack(sites.difference(look({})).changes)
    assert ids == [0]
    assert {name: values[0] for name, values in columns.items()} == {"bytes": -10, "blocks": -1, "survivor_bytes": -4}
    assert sites.keep() == frozenset()


def test_frames_are_named_once_a_report_and_merged_definitions_keep_their_frames() -> None:
    sites = Sites(place)
    first = sites.difference(look({"a": (1, 1, None, None), "b": (1, 1, None, None)}))
    second = sites.difference(look({"a": (1, 1, None, None), "b": (1, 1, None, None), "c": (1, 1, None, None)}))
    assert len(first.frames) == 3
    both = first.followed_by(second)
    stacks = [[both.frames[at][:2] for at in stack] for stack in both.define]
    assert stacks == [[(f"{key}.py", key), ("main.py", "main")] for key in "abc"]


def test_a_full_table_is_begun_anew_once_it_is_old_enough() -> None:
    sites = Sites(place, FEW)
    crowd = look(dict.fromkeys("abcdef", (1, 1, None, None)))
    sites.difference(crowd)
    assert not sites.crowded
    for _ in range(100):
        sites.difference(crowd)
    assert sites.crowded
    sites.reset()
    assert not sites.crowded


def test_types_beyond_the_table_and_the_censuss_own_rest_are_one_row() -> None:
    types = Types(most=2)
    changes = types.difference({"dict": 5, "list": 3, "(other)": 4})
    assert changes.define == ["dict", "(other)"]
    assert wire.unpack(changes.changes) == ([0, 1], {"count": [5, 7]})


def test_adding_changes_sums_rows_that_only_one_side_has() -> None:
    a = wire.pack([0, 2], {"bytes": [1, 2]})
    b = wire.pack([1, 2], {"bytes": [10, 20], "blocks": [1, 1]})
    assert wire.unpack(add(a, b)) == ([0, 1, 2], {"bytes": [1, 10, 22], "blocks": [0, 1, 1]})


def test_after_a_resync_without_a_look_the_last_levels_are_told_again_with_their_frames() -> None:
    sites, types = Sites(place), Types()
    sites.difference(look({"a": (10, 1, None, None)}, other=7))
    types.difference({"dict": 3})
    for table in (sites, types):
        table.reset()
        table.reset()  # twice in a row loses nothing
    again = sites.unchanged()
    assert [[again.frames[at][0] for at in stack] for stack in again.define] == [["a.py", "main.py"], []]
    assert wire.unpack(again.changes)[1]["bytes"] == [10, 7]
    assert wire.unpack(types.unchanged().changes) == ([0], {"count": [3]})
