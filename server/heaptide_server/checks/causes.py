"""Every cause's findings in one list. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from heaptide_server.checks import blocking, cpu, growth, pool, supervisor
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.checks.reading import living
from heaptide_server.model import Leak

Find = Callable[[Sequence[WorkerFacts]], list[Finding]]

SEVERITIES = ("critical", "warning", "info")

# One function a cause. Growth is asked apart, for it also reads what leaks.
CAUSES: tuple[Find, ...] = (supervisor.find, pool.find, blocking.find, cpu.find)


def find_all(workers: Sequence[WorkerFacts], leaks: Sequence[Leak]) -> list[Finding]:
    """The findings of one service in one environment, the worst first.

    Args:
        workers: those that live, and those that ended in the last day.
        leaks: the service's, in the same environment.
    """
    found = [finding for cause in CAUSES for finding in cause(workers)]
    limits = [limit for one in living(workers) if (limit := one.worker.vitals.get("limit_bytes"))]
    found += growth.find(workers, leaks, min(limits, default=None))
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
