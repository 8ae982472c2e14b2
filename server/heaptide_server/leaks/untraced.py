"""Leaks of objects: where no tracer says which line, the counts of types still tell that something grows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from heaptide_server.leaks.context import Context
from heaptide_server.leaks.fingerprint import fingerprint
from heaptide_server.leaks.states import Seen
from heaptide_server.model import Columns, Stored, Worker
from heaptide_server.store import packed
from heaptide_server.trends.judge import judge
from heaptide_server.trends.matrix import Matrix
from heaptide_server.trends.verdict import Options, Verdict

OFF = "off"
# What an object takes at the least: its header, the collector's links, and a slot or two. Sizes aren't told.
OBJECT_BYTES = 64
NAMED = 3  # types in the sentence


class Untraced:
    """The counts of types of workers that trace nothing, as a matrix of bytes at the least.

    All types that grow in a service are one leak: an object brings its dict and its strings, and without a line nobody
    can tell two leaks apart.

    Attributes:
        matrix: of those workers alone; its rows are types.

    Args:
        type_map: see `Store.type_map`.
    """

    def __init__(self, type_map: Callable[[int], list[str]]) -> None:
        self.matrix = Matrix()
        self._type_map = type_map
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []

    def add(self, entries: Sequence[Stored], workers: Mapping[int, Worker]) -> None:
        """Adds those entries whose workers trace nothing."""
        own = {number: worker for number, worker in workers.items() if worker.tracer.get("name") == OFF}
        counted = [replace(e, sites=_as_bytes(e.types), looked=True) for e in entries if e.worker_id in own]
        self.matrix.add(counted, own, self._map)

    def seen(self, known: Iterable[str], options: Options, context: Context) -> Seen | None:
        """What types say together; None while no worker has been seen for long enough, or nothing moves.

        Args:
            known: types that are known to leak, which are looked at whatever they do.
        """
        group = context.group
        grown, _ = self.matrix.candidates(group, options)
        own = [self._numbers[name] for name in known if name in self._numbers]
        ids = np.union1d(grown, np.array(own, dtype=np.int64))
        verdicts = judge(self.matrix.generations(group, ids), options)
        named = {self._names[number]: verdict for number, verdict in zip(ids.tolist(), verdicts, strict=False)}
        if not named:
            return None
        if own and not any(verdict.suspect for verdict in named.values()):
            named = {self._names[number]: named[self._names[number]] for number in own}  # caches that fill are others
        chief = max(named, key=lambda name: (*_weight(name, named[name]), name))
        numbers = [self._numbers[name] for name in named if _alike(named[name], named[chief])]
        live, _ = self.matrix.live_bytes(group, numbers)
        verdict = _together(chief, named)
        return Seen(
            id=fingerprint(*group, "objects", ""),
            service=group[0],
            environment=group[1],
            kind="objects",
            site=None,
            type_name=chief,
            verdict=verdict,
            live_bytes=live,
            survivor_bytes=None,
            release=context.release,
            earlier_release=context.earlier_release,
            forecast=context.forecast(verdict),
            advice=context.advice(verdict),
        )

    def _map(self, worker_id: int) -> list[int]:
        names = self._type_map(worker_id)
        for name in names:
            if name not in self._numbers:
                self._numbers[name] = len(self._names)
                self._names.append(name)
        return [self._numbers[name] for name in names]


def _as_bytes(types: bytes) -> bytes:
    told = packed.decode(types)
    counts = told.values.get("count")
    return packed.encode(Columns(told.ids, {} if counts is None else {"bytes": OBJECT_BYTES * counts}))


def _weight(name: str, verdict: Verdict) -> tuple[bool, bool, bool, float]:
    """What leads: a type of the user's before one that Python brings, which any object drags along."""
    return verdict.suspect, verdict.filling, "." in name, verdict.bytes_per_hour


def _alike(one: Verdict, chief: Verdict) -> bool:
    return (one.suspect, one.filling) == (chief.suspect, chief.filling)


def _together(chief: str, named: Mapping[str, Verdict]) -> Verdict:
    own = {name: verdict for name, verdict in named.items() if _alike(verdict, named[chief])}
    fastest = sorted(own, key=lambda name: -own[name].bytes_per_hour)[:NAMED]
    grown = ", ".join(f"{name} by {own[name].bytes_per_hour / OBJECT_BYTES:,.0f} an hour" for name in fastest)
    told = f" Objects counted: {grown}; bytes are {OBJECT_BYTES} an object, the least." if own[chief].suspect else ""
    return replace(
        named[chief],
        clear=all(verdict.clear for verdict in named.values()),
        bytes_per_hour=sum(verdict.bytes_per_hour for verdict in own.values()),
        low=sum(verdict.low for verdict in own.values()),
        high=sum(verdict.high for verdict in own.values()),
        late_bytes=sum(verdict.late_bytes for verdict in own.values()),
        grown_bytes=sum(verdict.grown_bytes for verdict in own.values()),
        evidence=named[chief].evidence + told,
    )
