"""A report as it waits in the ring, and the wire form it takes when it is sent."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from heaptide import wire
from heaptide.changes import SiteChanges, TypeChanges

MOST_ANSWERS = 100  # kept when reports are merged
_FIXED_BYTES = 2_000  # estimate of a report's vitals, costs and envelope


@dataclass(frozen=True)
class Report:
    """One report, but for who sends it and when. Fields as in `heaptide.wire`."""

    base: int
    sequence: int
    taken_at: float
    elapsed_s: float
    requests: int
    vitals: Mapping[str, float | None]
    tracer: Mapping[str, Any]
    sites: SiteChanges
    types: TypeChanges
    agent: Mapping[str, float]
    answers: list[dict[str, Any]] = field(default_factory=list)
    final: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)  # JSON by the probe's name

    def followed_by(self, later: Report) -> Report:
        """This report and the next one as one that spans both: sums stay exact, resolution in time is lost."""
        answers = (self.answers + later.answers)[-MOST_ANSWERS:]
        requests = self.requests + later.requests
        if later.base == 0:  # says everything anew: what changed before it is part of it
            return replace(later, requests=requests, answers=answers)
        return replace(
            later,
            base=self.base,
            elapsed_s=self.elapsed_s + later.elapsed_s,
            requests=requests,
            tracer={**later.tracer, "skipped": self.tracer["skipped"] and later.tracer["skipped"]},
            sites=self.sites.followed_by(later.sites),
            types=self.types.followed_by(later.types),
            agent={**later.agent, "longest_hold_s": max(self.agent["longest_hold_s"], later.agent["longest_hold_s"])},
            answers=answers,
            facts={**self.facts, **later.facts},
        )

    def size_bytes(self) -> int:
        """Estimate of what it holds while it waits."""
        facts_bytes = sum(len(text) for text in self.facts.values())
        return _FIXED_BYTES + self.sites.size_bytes() + self.types.size_bytes() + facts_bytes

    def body(self, worker: Mapping[str, Any], *, sent_at: float, dropped_reports: int) -> dict[str, Any]:
        """The JSON object that travels.

        Args:
            worker: who sends it, see `heaptide.identity.worker`.
            sent_at: the sender's clock at this attempt, in seconds since the epoch.
            dropped_reports: reports merged away so far.
        """
        return {
            "version": wire.VERSION,
            "worker": dict(worker),
            "base": self.base,
            "sequence": self.sequence,
            "taken_at": self.taken_at,
            "sent_at": sent_at,
            "elapsed_s": self.elapsed_s,
            "final": self.final,
            "requests": self.requests,
            "vitals": {name: self.vitals.get(name) for name in wire.VITALS},
            "tracer": dict(self.tracer),
            "sites": {
                "first": self.sites.first,
                "frames": [list(frame) for frame in self.sites.frames],
                "define": self.sites.define,
                "changes": b64encode(self.sites.changes).decode(),
            },
            "types": {
                "first": self.types.first,
                "define": self.types.define,
                "changes": b64encode(self.types.changes).decode(),
            },
            "agent": {**self.agent, "dropped_reports": dropped_reports},
            "answers": self.answers,
            **({"facts": {name: json.loads(text) for name, text in self.facts.items()}} if self.facts else {}),
        }
