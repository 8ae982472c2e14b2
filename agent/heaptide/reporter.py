"""Takes a report: asks the tracer, the census and the vitals, and keeps the chain of sequence numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from heaptide.budget import LookBudget
from heaptide.changes import SiteChanges, Sites, TypeChanges, Types
from heaptide.gate import Gate
from heaptide.probes import Probes
from heaptide.report import Report
from heaptide.tracer.protocol import Look, Tracer

MOST_STACKS = 500  # asked of a look; those reported before come on top
MOST_TYPES = 2000
SURVIVOR_INTERVALS = 2
LEAST_SURVIVOR_AGE_S = 10.0  # longer than requests take
MOST_FINAL_LOOK_S = 0.5  # a longer look would eat the 2 s that an ending process has


class CensusLike(Protocol):
    """What is asked of `heaptide.census.Census`."""

    @property
    def spacing_s(self) -> float:
        """Seconds from the last count to the next; 0 where each report has one."""

    def take(self, most: int = ...) -> dict[str, int] | None:
        """Objects per type; None where this count was skipped."""


class VitalsLike(Protocol):
    """What is asked of `heaptide.vitals.Vitals`."""

    def take(self) -> dict[str, float | None]:
        """A number or None for each vital."""


@dataclass(frozen=True)
class Sources:
    """Where a report's contents come from; replaced by fakes in tests."""

    tracer: Tracer
    census: CensusLike
    vitals: VitalsLike
    place: Callable[[str], tuple[str, bool]]


class Reporter:
    """Makes one report after the other. Used by the agent's thread alone.

    Attributes:
        answers: answers to the collector's requests that the next report carries.
        cost: what the agent cost, as of the last report; see `heaptide.wire.COSTS`.

    Args:
        sources: the tracer and its like.
        interval_s: seconds between two reports.
        started_at: the process's start in seconds since the epoch.
        gate: swallows and counts what fails.
        probes: tell facts beside; none where it is None.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        sources: Sources,
        *,
        interval_s: float,
        started_at: float,
        gate: Gate,
        probes: Probes | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources = sources
        self._probes = probes or Probes([], gate)
        self._survivor_age_s = max(LEAST_SURVIVOR_AGE_S, SURVIVOR_INTERVALS * interval_s)
        self._started_at = started_at
        self._gate = gate
        self._clock = clock
        self._sites = Sites(sources.place)
        self._types = Types()
        self._budget = LookBudget(interval_s)
        self._base = self._sequence = 0
        self._base_taken = 0.0
        self._requests = 0
        self._requests_carried = 0
        self._broken = False  # levels moved, but no report tells of it: the next one must say everything
        self._last_look_s = self._last_count_s = 0.0
        self._tracer_held_bytes = 0
        self.answers: list[dict[str, Any]] = []
        self.cost: Mapping[str, float] = {}

    def resync(self, requests: int = 0) -> None:
        """Makes the next report say everything anew.

        Args:
            requests: requests counted in reports that were given up; the next one counts them.
        """
        self._sites.reset()
        self._types.reset()
        self._base = 0
        self._requests_carried += requests
        self._broken = False

    def take(self, requests: int, *, held_bytes: int, look_now: bool = False, final: bool = False) -> Report:
        """Takes a report.

        Args:
            requests: requests served so far in this process.
            held_bytes: what the agent holds elsewhere.
            look_now: look at the allocations even if the budget says no.
            final: the process is ending; a look that would take long is left out.
        """
        now = self._clock()
        renew = self._sites.crowded
        look = self._look(now, force=look_now, final=final, keep=frozenset() if renew else self._sites.keep())
        counts = self._counts(final=final)
        if self._broken or (renew and look) or self._begins(look, counts):
            self.resync()
        sites, types = self._changes(look, counts)
        report = Report(
            base=self._base,
            sequence=self._sequence + 1,
            taken_at=time.time(),
            elapsed_s=now - self._base_taken if self._base else max(0.0, time.time() - self._started_at),
            requests=requests - self._requests + self._requests_carried,
            vitals=self._vitals(),
            tracer=self._tracer(look),
            sites=sites,
            types=types,
            agent=self._costs(look, held_bytes),
            answers=self.answers,
            final=final,
            facts=self._probes.take(counts, requests, anew=self._base == 0),
        )
        self.cost = report.agent
        self._base = self._sequence = report.sequence
        self._base_taken, self._requests, self._requests_carried, self.answers = now, requests, 0, []
        return report

    def stack_key(self, site: int) -> Hashable | None:
        """The key of the stack that has this site number; None where none has it."""
        return self._sites.key(site)

    def stop(self) -> None:
        """Ends tracing and the probes."""
        self._probes.stop()
        self._sources.tracer.stop()

    def _begins(self, look: Look | None, counts: dict[str, int] | None) -> bool:
        """Whether this is the first look or count, but not the first report: levels of before aren't growth since."""
        first_look = look is not None and not self._sites.begun
        first_count = counts is not None and not self._types.begun
        return self._base > 0 and (first_look or first_count)

    def _look(self, now: float, *, force: bool, final: bool, keep: frozenset[Hashable]) -> Look | None:
        tracer = self._sources.tracer
        paced_itself = tracer.name == "exact"
        if not (force or paced_itself or self._budget.due(now)) or (final and self._last_look_s > MOST_FINAL_LOOK_S):
            return None
        look = None
        cpu_s = time.thread_time()
        with self._gate("looking at the allocations"):
            look = tracer.take(survivor_age_s=self._survivor_age_s, most=MOST_STACKS, keep=keep)
        if look is not None:
            self._last_look_s = self._clock() - now
            self._budget.spent(now, time.thread_time() - cpu_s)
        return look

    def _counts(self, *, final: bool) -> dict[str, int] | None:
        began = self._clock()
        counts = None
        if not (final and self._last_count_s > MOST_FINAL_LOOK_S):
            with self._gate("counting objects"):
                counts = self._sources.census.take(most=MOST_TYPES)
        if counts is not None:
            self._last_count_s = self._clock() - began
        return counts

    def _changes(self, look: Look | None, counts: dict[str, int] | None) -> tuple[SiteChanges, TypeChanges]:
        sites, types = SiteChanges(self._sites.defined), TypeChanges(self._types.defined)
        self._broken = True
        with self._gate("finding what changed"):
            sites = self._sites.unchanged() if look is None else self._sites.difference(look)
            types = self._types.unchanged() if counts is None else self._types.difference(counts)
            self._broken = False
        return sites, types

    def _vitals(self) -> Mapping[str, float | None]:
        with self._gate("reading the vitals"):
            return self._sources.vitals.take()
        return {}

    def _tracer(self, look: Look | None) -> dict[str, Any]:
        tracer = self._sources.tracer
        return {
            "name": tracer.name,
            "frames": tracer.frames,
            "sample_bytes": look.sample_bytes if look else None,
            "traced_bytes": look.traced_bytes if look else None,
            "skipped": look is None,
        }

    def _costs(self, look: Look | None, held_bytes: int) -> dict[str, float]:
        if look is not None:
            self._tracer_held_bytes = look.held_bytes
        return {
            "cpu_s": time.thread_time() + self._probes.cpu_s(),
            "held_bytes": held_bytes + self._tracer_held_bytes + self._own_bytes(),
            "longest_hold_s": look.hold_s if look else 0.0,
            "errors": self._gate.errors,
            "census_spacing_s": self._sources.census.spacing_s,
        }

    def _own_bytes(self) -> int:
        return self._sites.held_bytes() + self._types.held_bytes() + self._probes.size_bytes()
