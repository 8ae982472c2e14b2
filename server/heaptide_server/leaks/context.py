"""What all that is seen of a service at one look has in common."""

from __future__ import annotations

from dataclasses import dataclass

from heaptide_server.model import Advice, Forecast
from heaptide_server.trends import verdict
from heaptide_server.trends.forecast import Memory, advise, exhaustion
from heaptide_server.trends.matrix import Group, Matrix
from heaptide_server.trends.verdict import Verdict


@dataclass(frozen=True)
class Context:
    """A service in an environment, its releases and its memory, at a time in seconds since the epoch."""

    group: Group
    release: str | None
    earlier_release: str | None
    memory: Memory | None
    now: float

    def forecast(self, verdict: Verdict) -> Forecast | None:
        """When what grows like this reaches the limit, where there is one."""
        return exhaustion(verdict, self.memory, self.now) if self.memory and verdict.suspect else None

    def advice(self, verdict: Verdict) -> Advice | None:
        """What to do about it until it is fixed."""
        return advise(verdict, self.memory) if self.memory and verdict.suspect else None


def context(matrix: Matrix, group: Group, options: verdict.Options, now: float) -> Context:
    """The context of a look at one of the matrix's groups."""
    return Context(group, matrix.release(group), matrix.earlier_release(group, options), matrix.memory(group), now)
