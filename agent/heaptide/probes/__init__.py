"""Probes: small facts about the process and where it runs, from which the collector finds what fails in production.

A probe tells raw facts, never a judgement: what a fact means is decided in the collector, where all workers of a
service are seen together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from heaptide.gate import Gate

MOST_BYTES = 4096  # of one probe's facts as JSON: what the collector takes


class Probe(Protocol):
    """Tells facts of one kind. One that has a `stop` is stopped with the agent.

    Attributes:
        name: the facts' name in a report.
    """

    name: str

    def facts(self) -> dict[str, Any]:
        """What holds now, JSON-able and small; counters since the worker's start. Called once an interval."""


@runtime_checkable
class Threaded(Protocol):
    """A probe that has a thread of its own."""

    def cpu_s(self) -> float:
        """Seconds of CPU that it took so far."""


@dataclass
class Seen:
    """What the reporter has seen last, for probes that need it.

    Attributes:
        counts: objects per type, as the census just counted them; None where it was skipped, and between two reports.
        requests: served so far in this process.
    """

    counts: Mapping[str, int] | None = None
    requests: int = 0


Maker = Callable[[Seen], Probe]


class Probes:
    """Asks the probes, and tells what changed since the last time. Used by the agent's thread alone.

    Args:
        makers: make the probes; one that fails is left out.
        gate: swallows and counts what fails.
    """

    def __init__(self, makers: Sequence[Maker], gate: Gate) -> None:
        self._gate = gate
        self._seen = Seen()
        self._probes: list[Probe] = []
        self._told: dict[str, str] = {}
        for make in makers:
            with gate("making a probe"):
                self._probes.append(make(self._seen))

    def take(self, counts: Mapping[str, int] | None, requests: int, *, anew: bool) -> dict[str, str]:
        """The facts that changed, by the probe's name, as JSON.

        Args:
            counts: what the census counted, None where it was skipped.
            requests: served so far.
            anew: tell everything: the collector may know nothing.
        """
        self._seen.counts, self._seen.requests = counts, requests
        if anew:
            self._told = {}
        changed = {}
        for probe in self._probes:
            with self._gate(f"the probe {probe.name}"):
                text = _encoded(probe)
                if self._told.get(probe.name) != text:
                    self._told[probe.name] = changed[probe.name] = text
        self._seen.counts = None  # two thousand names, which nobody needs any more
        return changed

    def size_bytes(self) -> int:
        """Estimate of what is kept here."""
        return sum(len(text) for text in self._told.values())

    def cpu_s(self) -> float:
        """Seconds of CPU that probes' own threads took."""
        return sum(probe.cpu_s() for probe in self._probes if isinstance(probe, Threaded))

    def stop(self) -> None:
        """Ends what probes run."""
        for probe in self._probes:
            with self._gate(f"stopping the probe {probe.name}"):
                stop = getattr(probe, "stop", None)
                if stop:
                    stop()


def all_probes(gate: Gate, place: Callable[[str], tuple[str, bool]], *, ask_database: bool) -> list[Maker]:
    """What makes every probe there is.

    Args:
        ask_database: whether each database may be asked how many connections it allows.
        gate: swallows and counts what fails in the probes' own threads and hooks.
        place: a file's name as it travels, and whether it is the application's own.
    """
    from heaptide.probes.blocking import BlockingProbe
    from heaptide.probes.caches import Caches
    from heaptide.probes.clients import Clients
    from heaptide.probes.constructions import Constructions
    from heaptide.probes.cpu import Cpu
    from heaptide.probes.files import Files
    from heaptide.probes.garbage import Garbage
    from heaptide.probes.labels import Labels
    from heaptide.probes.lifespan import Lifespan
    from heaptide.probes.pools import PoolsProbe
    from heaptide.probes.supervisor import Supervisor

    return [
        lambda _: Supervisor(),
        lambda _: Cpu(),
        lambda _: Garbage(),
        lambda _: Lifespan(),
        Clients,
        lambda seen: Constructions(seen, place),
        Files,
        Labels,
        lambda seen: Caches(seen, lambda file: place(file)[1]),
        lambda _: BlockingProbe(gate, place),
        lambda _: PoolsProbe(gate, place, ask=ask_database),
    ]


def _encoded(probe: Probe) -> str:
    text = json.dumps(probe.facts(), separators=(",", ":"), allow_nan=False)
    if len(text) > MOST_BYTES:
        raise ValueError(f"the facts of {probe.name} take {len(text)} bytes, more than {MOST_BYTES}: not sent")
    return text
