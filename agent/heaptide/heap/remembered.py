"""The last answers to requests: a request that comes again, because its answer was lost, costs no second walk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST = 8
KEPT_S = 3600.0  # the collector doesn't ask longer
MOST_TIMES = 3  # an answer that the collector can't take is dropped with its report, and must not cost each report
_GIVEN_UP: dict[str, Any] = {
    "status": "refused",
    "reason": f"this was answered {MOST_TIMES} times already, and the collector didn't take the answer",
    "sites": [],
}


class Remembered:
    """Finds the answer to a request that was answered before. Used by the agent's thread alone.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: list[_Kept] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """What this very request was answered; None where it's a new one, or has no id.

        Another collector may begin its ids anew, so the whole request is compared.
        """
        self._kept = [kept for kept in self._kept if self._clock() - kept.at <= KEPT_S]
        same = next((kept for kept in self._kept if kept.request == request), None)
        if same is None or request.get("id") is None:
            return None
        same.times += 1
        return same.answer if same.times <= MOST_TIMES else _GIVEN_UP

    def keep(self, request: dict[str, Any], answer: dict[str, Any]) -> None:
        """Remembers an answer, and forgets the oldest."""
        self._kept = [*self._kept[1 - MOST :], _Kept(self._clock(), request, answer)]


@dataclass
class _Kept:
    at: float
    request: dict[str, Any]
    answer: dict[str, Any]
    times: int = 1
