"""Windows of time as they stand in an address: 90s, 30m, 6h, 7d."""

from __future__ import annotations

import re

from heaptide_server.ingest.problem import Problem

LONGEST_S = 731 * 86400.0
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def window_s(text: str) -> float:
    """A window's length in seconds.

    Raises:
        Problem: 422, it can't be read or is longer than anything is kept.
    """
    match = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    length_s = int(match[1]) * _UNITS_S[match[2]] if match else 0.0
    if not 0 < length_s <= LONGEST_S:
        raise Problem(422, "bad_window", f"{text[:40]!r} is no window; write it as 90s, 30m, 6h or 7d.", "window")
    return length_s
