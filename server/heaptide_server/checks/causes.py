"""Every cause's findings in one list. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.model import Leak

Find = Callable[[Sequence[WorkerFacts]], list[Finding]]

SEVERITIES = ("critical", "warning", "info")

# One function a cause. Growth is asked apart, for it also reads what leaks.
CAUSES: tuple[Find, ...] = ()


def find_all(workers: Sequence[WorkerFacts], leaks: Sequence[Leak]) -> list[Finding]:
    """The findings of one service in one environment, the worst first.

    Args:
        workers: those that live, and those that ended in the last day.
        leaks: the service's, in the same environment.
    """
    found = [finding for cause in CAUSES for finding in cause(workers)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
