"""The bounded queue of reports that wait for the collector. When it is full it loses resolution in time, never sums."""

from __future__ import annotations

from heaptide.report import Report

MOST_REPORTS = 120  # an hour at the default interval
MOST_BYTES = 4 << 20


class Ring:
    """Reports in the order of their sequence numbers. Used by the agent's thread alone.

    A report that was attempted is frozen until it is settled: the collector may have it already, and knows it by its
    numbers.

    Attributes:
        dropped: reports merged away or given up so far.
    """

    def __init__(self, most_reports: int = MOST_REPORTS, most_bytes: int = MOST_BYTES) -> None:
        self._most_reports = most_reports
        self._most_bytes = most_bytes
        self._reports: list[Report] = []
        self._frozen = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._reports)

    def size_bytes(self) -> int:
        """Estimate of what all waiting reports hold."""
        return sum(report.size_bytes() for report in self._reports)

    def add(self, report: Report) -> None:
        """Appends a report; where that is too much, the two oldest that were never attempted become one."""
        self._reports.append(report)
        while len(self._reports) > self._most_reports or self.size_bytes() > self._most_bytes:
            if not self._merge_oldest():
                return

    def merge(self) -> None:
        """Makes one report of all that were never attempted: what a last, short attempt can carry."""
        while self._merge_oldest():
            pass

    def attempt(self) -> Report | None:
        """The oldest report, frozen from now on; None where none waits."""
        self._frozen = bool(self._reports)
        return self._reports[0] if self._reports else None

    def settle(self, acknowledged: int) -> bool:
        """Drops the reports up to a sequence number; False, and nothing dropped, where no report ends there."""
        for index, report in enumerate(self._reports):
            if report.sequence == acknowledged:
                del self._reports[: index + 1]
                self._frozen = False
                return True
        return False

    def give_up(self) -> int:
        """Drops everything that waits, to begin anew; returns the requests that were counted in it."""
        requests = sum(report.requests for report in self._reports)
        self.dropped += len(self._reports)
        self._reports.clear()
        self._frozen = False
        return requests

    def _merge_oldest(self) -> bool:
        at = int(self._frozen)
        if len(self._reports) < at + 2:
            return False
        self._reports[at : at + 2] = [self._reports[at].followed_by(self._reports[at + 1])]
        self.dropped += 1
        return True
