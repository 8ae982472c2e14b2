"""Database pools of the user's process: how full, who waits, for how long, and whose code holds connections."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from heaptide.frames import Place
from heaptide.gate import Gate
from heaptide.paths import Places
from heaptide.probes.pools import of_asyncpg, of_psycopg, of_sqlalchemy
from heaptide.probes.pools.asking import QUESTIONS, WAYS
from heaptide.probes.pools.hook import SWITCH
from heaptide.probes.pools.ledger import Ledger
from heaptide.probes.pools.recorder import Known, Recorder

_LIBRARIES = (of_sqlalchemy, of_asyncpg, of_psycopg)
MOST_BYTES = 3_800  # of the facts as JSON


class PoolsProbe:
    """Hooks the libraries that the process has imported; facts are {"pools": [...]}, {} where no pool was used yet.

    A pool's facts are what `ledger.Ledger` counts, and of its library: `library`, `kind`, `database`, `driver`, `size`,
    `max_overflow`, `checked_out`, `idle`, `overflow`, where it has them `timeout_s`, `recycle_s`, `pre_ping`, and
    `max_connections`, what its database allows, where that was asked.

    Args:
        gate: swallows what fails; after 20 failures the hooks let everything pass.
        place: names files.
        ask: ask each database once how many connections it allows, on an idle connection of the pool.
        clock: monotonic seconds.
    """

    name = "pools"

    def __init__(
        self,
        gate: Gate | None = None,
        place: Place | None = None,
        *,
        ask: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gate = gate or Gate()
        self._ask = ask
        SWITCH.recorder = self._recorder = Recorder(Gate(), place or Places().place, clock)
        self._hook()

    @property
    def errors(self) -> int:
        """What the gates swallowed: the probe's and its hooks'."""
        return self._gate.errors + self._recorder.gate.errors

    def facts(self) -> dict[str, Any]:
        """What was counted so far, of the pools used most."""
        self._hook()
        told = []
        for pool, known in self._recorder.pools():
            with self._gate("describing a pool"):
                described = known.describe(pool)
                if described:
                    limit = self._limit(pool, known, described)
                    told.append(_pool(described, known.ledger) | limit)
                else:
                    self._recorder.forget(pool)
        told.sort(key=lambda facts: -facts["checkouts"])
        return _within_bounds(told)

    def stop(self) -> None:
        """Lets everything pass from now on."""
        if SWITCH.recorder is self._recorder:
            SWITCH.recorder = None

    def _limit(self, pool: Any, known: Known, described: dict[str, Any]) -> dict[str, Any]:
        """What the database allows, where it may be asked and has answered."""
        idle = described.get("idle", 0) > 0 and not known.ledger.asking
        if self._ask and idle and not known.question.asked and described["database"] in QUESTIONS:
            with self._gate("asking a database what it allows"):
                known.question.put(WAYS[described["library"]], pool, described["database"], known.loop)
        limit = known.question.answer()
        return {} if limit is None else {"max_connections": limit}

    def _hook(self) -> None:
        for library in _LIBRARIES:
            module = sys.modules.get(library.MODULE)
            if module is None or library.MODULE in SWITCH.hooked or _is_loading(library.MODULE):
                continue
            SWITCH.hooked.add(library.MODULE)
            with self._gate(f"hooking {library.MODULE}"):
                library.hook(module)


def _pool(described: dict[str, Any], ledger: Ledger) -> dict[str, Any]:
    facts = described | {"waiting": ledger.asking} | ledger.facts()
    if "size" in described and described["max_overflow"] >= 0:
        # One that is on its way back may be counted beside the one that was handed out in its place.
        facts["most_out"] = min(facts["most_out"], described["size"] + described["max_overflow"])
    return facts


def _is_loading(name: str) -> bool:
    """Whether a module's package is still being imported, in another thread."""
    package = sys.modules.get(name.partition(".")[0])
    return package is None or bool(getattr(package.__spec__, "_initializing", False))


def _within_bounds(told: list[dict[str, Any]]) -> dict[str, Any]:
    """The first pools, and of them whole; then without the places that held connections."""
    while told and len(json.dumps(told)) > MOST_BYTES:
        longest = max(told, key=lambda facts: len(facts["holders"]) + len(facts["held_long"]))
        if longest["holders"] or longest["held_long"]:
            (longest["holders"] or longest["held_long"]).pop()
        else:
            told.pop()
    return {"pools": told} if told else {}
