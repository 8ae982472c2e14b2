"""Keeps looks at the allocations within their share of CPU time."""

from __future__ import annotations

CPU_SHARE = 0.02  # of one CPU
_LOOKS_JUDGED = 3  # by the middle one: one dear look, with a collection in it say, doesn't count


class LookBudget:
    """Says when a look is due: each time at first, half as often once looks took more than their share of CPU time.

    It never comes back to looking more often: an app that was slowed once would be slowed again.
    """

    def __init__(self, interval_s: float, share: float = CPU_SHARE) -> None:
        self._spacing_s = interval_s
        self._share = share
        self._costs_s: list[float] = []
        self._warm = False
        self._due_at = float("-inf")

    def due(self, now: float) -> bool:
        """Whether to look now, by the monotonic clock."""
        return now >= self._due_at

    def spent(self, now: float, cpu_s: float) -> None:
        """Notes what a look cost. The first isn't judged: it imports modules and names all files."""
        if self._warm:
            self._costs_s.append(cpu_s)
        self._warm = True
        if len(self._costs_s) == _LOOKS_JUDGED:
            if sorted(self._costs_s)[_LOOKS_JUDGED // 2] > self._share * self._spacing_s:
                self._spacing_s *= 2
            self._costs_s.clear()
        self._due_at = now + 0.9 * self._spacing_s  # a tenth early: reports come on a grid, looks shall not miss it
