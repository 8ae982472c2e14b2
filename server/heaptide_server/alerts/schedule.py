"""When a delivery is tried again: the times of Standard Webhooks, with jitter."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from random import SystemRandom

# Seconds from one attempt's failure to the next attempt: 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, then dead.
DELAYS_S = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0)
fair_draw = SystemRandom().random
JITTER = 0.2  # up to a fifth later and never sooner, so that Retry-After holds
SLOW_DOWN = frozenset({429, 502, 503, 504})  # what Standard Webhooks calls throttling, and 503, made for Retry-After
MAX_RETRY_AFTER_S = DELAYS_S[-1]  # a receiver may not put us off for longer than our own longest wait
MAX_PAUSE_S = 300.0  # with no Retry-After, an overloaded receiver is left alone for so long at most


def next_delay_s(attempts: int, retry_after_s: float, random: Callable[[], float]) -> float | None:
    """Seconds until the next attempt, at least `retry_after_s`; None after the last one.

    Args:
        attempts: how many have failed so far, at least 1.
        retry_after_s: what the receiver asked for, 0 if nothing.
        random: draws from [0, 1).
    """
    if attempts >= len(DELAYS_S):
        return None
    return max(DELAYS_S[attempts], retry_after_s) * (1 + JITTER * random())


def pause_s(status: int | None, delay_s: float | None, retry_after_s: float) -> float:
    """Seconds for which nothing else goes to a target that asks to slow down; 0 for any other answer."""
    if status not in SLOW_DOWN:
        return 0.0
    if retry_after_s or delay_s is None:
        return retry_after_s
    return min(delay_s, MAX_PAUSE_S)


def retry_after_s(status: int | None, header: str | None, now: float) -> float:
    """What a Retry-After header asks for, in seconds or as a date, bounded; 0 if it is missing or can't be read."""
    if status not in SLOW_DOWN or header is None:
        return 0.0
    try:
        asked = float(header) if header.strip().isdigit() else parsedate_to_datetime(header).timestamp() - now
    except ValueError:
        return 0.0
    return min(max(asked, 0.0), MAX_RETRY_AFTER_S)
