"""Asks workers what leaks and what holds it: one worker a leak, each at most once an hour unless a person asks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heaptide_server.leaks.fingerprint import fingerprint, place
from heaptide_server.leaks.ledger import Ledger, UnknownLeakError
from heaptide_server.model import Holding, Leak, Only, Request, Suspect
from heaptide_server.store.diagnoses import EARLY
from heaptide_server.store.protocol import Store

PAUSE_S = 3600.0
# What a worker looks into at once, in one walk over its heap.
MOST_SITES = 8
# Intervals without a new suspect before a worker is asked, so that one walk answers for all that began together; and
# those after which it is asked all the same. Both end long before a suspect opens (`states.LEAST_INTERVALS`).
SETTLED_INTERVALS = 4
WAITED_INTERVALS = 12
# Of the sites that grew most since a worker may have been asked last, so many are looked at for places worth asking of.
MOST_GROWN = 32
SAMPLING = "sampling"


class NobodyToAskError(LookupError):
    """No worker can diagnose this leak; the message says why in a sentence."""


class Diagnosing:
    """Asks about suspects and open leaks. Safe to call from any thread; what was asked is in the store.

    Args:
        store: where workers, requests and what workers hold are.
        ledger: where leaks and answers are.
    """

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def tick(self, now: float) -> int:
        """Asks for each leak at a site that became suspect, or open, and isn't explained; returns how many it asked.

        Args:
            now: seconds since the epoch.
        """
        leaks = [leak for status in ("suspect", "open") for leak in self._ledger.leaks(status=status)]
        waiting = [leak for leak in leaks if leak.kind == "site" and self._is_due(leak, now)]
        groups = {(leak.service, leak.environment) for leak in waiting}
        asked = 0
        for group in sorted(groups):
            own = [leak for leak in waiting if (leak.service, leak.environment) == group]
            holdings = self._holdings(*group)
            if _settled(own, holdings, now):
                asked += self._ask_for(own, self._rested(holdings, now), now)
        return asked

    def ask(self, leak_id: str, now: float) -> Request:
        """Asks for one leak by hand, whenever that worker was asked last; a request that waits is returned again.

        Raises:
            UnknownLeakError: there is no such leak.
            NobodyToAskError: no worker can tell.
        """
        leak = self._ledger.leak(leak_id)
        if leak is None:
            raise UnknownLeakError(f"there is no leak with the id {leak_id!r}")
        if pending := next((request for request in self.pending(leak, now) if request.body["by_hand"]), None):
            return pending
        holdings = self._holdings(leak.service, leak.environment)
        best = self._best(leak, holdings)
        request = best and self._store.request_diagnosis(
            best[0].worker.id, {leak.id: Suspect(leak.status, best[1])}, True, now
        )
        if not request:
            raise NobodyToAskError(_why_nobody(leak, holdings))
        return request

    def pending(self, leak: Leak, now: float) -> list[Request]:
        """Requests about a leak that a living worker has still to answer, newest first."""
        asked = [r for r in self._store.diagnosis_requests() if leak.id in r.suspects and not r.answered]
        fresh = [request for request in asked if now - request.at < PAUSE_S]
        workers = self._store.workers_by_id({r.worker_id for r in fresh if r.worker_id is not None})
        alive = {worker.id for worker in workers.values() if worker.ended_at is None}
        return [request for request in reversed(fresh) if request.worker_id in alive]

    def _is_due(self, leak: Leak, now: float) -> bool:
        """Not while a worker is being asked, not once it's explained, and once in each status if workers refuse.

        What was told before it was a suspect holds until a worker can be asked again.
        """
        answers = self._ledger.answered(leak.id)
        told = any((status == "done" and asked_as != EARLY) or asked_as == leak.status for asked_as, status in answers)
        return not told and not self.pending(leak, now)

    def _ask_for(self, leaks: list[Leak], holdings: list[Holding], now: float) -> int:
        """Asks one worker for each leak; leaks that the same worker holds most of share its walk."""
        by_worker: dict[int, dict[str, Suspect]] = {}
        for leak in leaks:
            free = [h for h in holdings if _sites_asked(by_worker.get(h.worker.id, {})) < MOST_SITES]
            if best := self._best(leak, free):
                suspects = by_worker.setdefault(best[0].worker.id, {})
                room = MOST_SITES - _sites_asked(suspects)
                suspects[leak.id] = Suspect(leak.status, best[1][:room])
        for holding in holdings:
            if suspects := by_worker.get(holding.worker.id, {}):
                suspects |= self._early(holding, suspects, now)
                self._store.request_diagnosis(holding.worker.id, suspects, False, now)
        return len(by_worker)

    def _early(self, holding: Holding, asked: dict[str, Suspect], now: float) -> dict[str, Suspect]:
        """What else grew in a worker of late: suspected later, it would find nobody to ask until the pause is over.

        A cache's table, whose keys are smaller than its values, is suspected long after them. One walk answers for all.
        """
        identity = holding.worker.identity
        about = identity.service, identity.environment
        since, only = max(now - PAUSE_S, identity.started_at), Only(identity.host, holding.worker.slot)
        numbers = dict(zip(holding.site_ids.tolist(), holding.numbers.tolist(), strict=True))
        room, early = MOST_SITES - _sites_asked(asked), dict[str, Suspect]()
        for grown in self._store.top_growth(*about, since, now, MOST_GROWN, only):
            leak_id = fingerprint(*about, "site", place(grown.site) or "")
            if leak_id not in asked and grown.site.top and grown.site.id in numbers and len(early) < room:
                early.setdefault(leak_id, Suspect(EARLY, (numbers[grown.site.id],)))
        return early

    def _best(self, leak: Leak, holdings: Sequence[Holding]) -> tuple[Holding, tuple[int, ...]] | None:
        """The worker that holds most of a leak, and its numbers of the leak's sites, those that hold most first."""
        own = self._own_sites(leak, holdings)
        found: list[tuple[int, Holding, tuple[int, ...]]] = []
        for holding in holdings:
            rows = np.flatnonzero(np.isin(holding.site_ids, own))
            rows = rows[np.argsort(-holding.bytes[rows], kind="stable")]
            if len(rows):
                numbers = tuple(int(number) for number in holding.numbers[rows[:MOST_SITES]])
                found.append((int(holding.bytes[rows].sum()), holding, numbers))
        return max(found, key=lambda one: (one[0], -one[1].worker.id))[1:] if found else None

    def _own_sites(self, leak: Leak, holdings: Sequence[Holding]) -> list[int]:
        """The sites that meet where the leak is, among those at which these workers hold something."""
        where = place(leak.site) if leak.site else None
        if where is None or not holdings:
            return []
        held = np.unique(np.concatenate([holding.site_ids for holding in holdings]))
        sites = self._store.sites(int(site) for site in held)
        return [site_id for site_id, site in sites.items() if place(site) == where]

    def _holdings(self, service: str, environment: str) -> list[Holding]:
        """What those hold whose tracer samples: an exact one knows no single block."""
        held = self._store.holdings(service, environment)
        return [holding for holding in held if holding.worker.tracer.get("name") == SAMPLING]

    def _rested(self, holdings: list[Holding], now: float) -> list[Holding]:
        asked = {r.worker_key for r in self._store.diagnosis_requests() if now - r.at < PAUSE_S}
        return [holding for holding in holdings if holding.worker.identity.key not in asked]


def _settled(leaks: Sequence[Leak], holdings: Sequence[Holding], now: float) -> bool:
    interval_s = max((holding.worker.identity.interval_s for holding in holdings), default=0.0)
    ages = [(now - leak.first_seen) / interval_s if interval_s else WAITED_INTERVALS for leak in leaks]
    urgent = any(leak.status == "open" for leak in leaks)
    return urgent or min(ages) >= SETTLED_INTERVALS or max(ages) >= WAITED_INTERVALS


def _sites_asked(suspects: dict[str, Suspect]) -> int:
    return sum(len(suspect.sites) for suspect in suspects.values())


def _why_nobody(leak: Leak, holdings: list[Holding]) -> str:
    if leak.kind != "site":
        return "Only a leak at a line of code can be looked into: nothing else says which objects are meant."
    if not holdings:
        return (
            f"No living worker of {leak.service!r} samples its allocations, so none can tell which objects are meant. "
            "Start one with HEAPTIDE_TRACER=sampling."
        )
    return "No living worker holds memory of this leak now; try again when it has grown."
