"""Asks store and ledger for what the causes need, service by service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from heaptide_server.checks.causes import find_all
from heaptide_server.checks.finding import Finding, WorkerFacts
from heaptide_server.leaks.fingerprint import fingerprint
from heaptide_server.leaks.ledger import Ledger
from heaptide_server.store.protocol import Store

WINDOW_S = 86400.0  # how long ago a worker may have ended to tell of restarts


@dataclass(frozen=True)
class Checked:
    """A service in an environment, and what was found there; `telling` of its living workers have told facts."""

    service: str
    environment: str
    workers: int
    telling: int
    findings: tuple[Finding, ...]

    def id_of(self, finding: Finding) -> str:
        """A finding's id, the same for as long as it is found."""
        return fingerprint(self.service, self.environment, "check", finding.name)


def check_all(
    store: Store, ledger: Ledger, now: float, service: str | None = None, environment: str | None = None
) -> Iterator[Checked]:
    """Checks each service in each environment, or those that are named.

    Args:
        now: seconds since the epoch.
    """
    for summary in store.services(now):
        if service in (None, summary.service) and environment in (None, summary.environment):
            yield check(store, ledger, summary.service, summary.environment, now)


def check(store: Store, ledger: Ledger, service: str, environment: str, now: float) -> Checked:
    """Checks one service in one environment."""
    workers = store.workers(service, environment, now - WINDOW_S)
    facts = store.facts(worker.id for worker in workers)
    leaks = [leak for leak in ledger.leaks(service) if leak.environment == environment]
    known = [WorkerFacts(worker, facts.get(worker.id, {})) for worker in workers]
    alive = [one for one in known if one.worker.ended_at is None]
    telling = sum(bool(one.facts) for one in alive)
    return Checked(service, environment, len(alive), telling, tuple(find_all(known, leaks)))
