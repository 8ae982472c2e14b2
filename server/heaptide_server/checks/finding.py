"""What the checks hand on: the facts of a worker on one side, a finding on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from heaptide_server.model import Worker

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True)
class WorkerFacts:
    """A worker, and by the probe's name the newest facts that it told."""

    worker: Worker
    facts: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """Something that fails in production.

    Attributes:
        kind: a stable word, such as "pool-exhausted".
        severity: critical (it fails now, or will without notice), warning (it costs, or fails under load), info.
        title: one sentence with the figures.
        evidence: what was seen, a sentence each.
        fix: what to do, with a snippet to paste.
        workers: those concerned, as "web-1 pid 4242".
        subject: which one of its kind, such as a function or a pool; "" where there is but one at a time.
    """

    kind: str
    severity: Severity
    title: str
    evidence: tuple[str, ...]
    fix: str
    workers: tuple[str, ...]
    subject: str = ""

    @property
    def name(self) -> str:
        """Its kind and subject."""
        return f"{self.kind}: {self.subject}" if self.subject else self.kind
