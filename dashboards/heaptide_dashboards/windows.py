"""The spans of time that a page can look back over, as they stand in its address: `?window=6h`."""

from __future__ import annotations

WINDOWS = {"15m": 900.0, "1h": 3600.0, "6h": 21600.0, "24h": 86400.0, "7d": 604800.0, "30d": 2592000.0}
DEFAULT_WINDOW = "6h"


def window_name(window_s: float) -> str:
    """The name of a span in seconds.

    Raises:
        KeyError: no window has that length.
    """
    return {length_s: name for name, length_s in WINDOWS.items()}[window_s]


def refresh_s(window_s: float) -> float:
    """How often a page over that span asks anew: a long window hardly changes, and costs the store more."""
    return 5.0 if window_s <= WINDOWS["24h"] else 30.0
