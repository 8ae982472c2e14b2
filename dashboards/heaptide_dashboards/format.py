"""Numbers, times and names as people write them. Pure text: nothing here knows of HTML."""

from __future__ import annotations

import html
import math
import unicodedata
from datetime import UTC, datetime

MISSING = "–"
NBSP = "\u00a0"
MINUS = "\u2212"
KIB = 1024.0
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")

# Marks that reorder or hide what stands around them; a zero-width joiner stays, emoji are made with it.
_INVISIBLE = {"\u00ad", "\u061c", "\u180e", "\u200b", "\u200e", "\u200f", "\u2060", "\ufeff"}
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}


def bytes_text(size: float | None) -> str:
    """A size in binary units with three significant digits, such as `14.2 MiB`; `–` where it isn't known."""
    if size is None or not math.isfinite(size):
        return MISSING
    scale, unit = _scale(abs(size))
    number = _three_digits(abs(size) / scale)
    return f"{MINUS if size < 0 and number != '0' else ''}{number}{NBSP}{unit}"


def growth_text(size: float | None) -> str:
    """A difference of sizes, with its sign: `+14.2 MiB`."""
    text = bytes_text(size)
    return text if text.startswith((MISSING, MINUS, f"0{NBSP}")) else f"+{text}"


def interval_text(low: float, high: float) -> str:
    """Two sizes in one unit: `12.9 to 15.3 MiB`."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    scale, unit = _scale(max(abs(low), abs(high)))
    ends = [f"{MINUS if end < 0 else ''}{_three_digits(abs(end) / scale)}" for end in (low, high)]
    return f"{ends[0]} to {ends[1]}{NBSP}{unit}"


def per_hour_text(bytes_per_hour: float | None) -> str:
    """A growth per hour: `+14.2 MiB/h`."""
    text = growth_text(bytes_per_hour)
    return text if text == MISSING else f"{text}/h"


def percent_text(share: float | None) -> str:
    """A share between 0 and 1 in percent."""
    if share is None or not math.isfinite(share):
        return MISSING
    percent = share * 100
    return f"{percent:.0f}{NBSP}%" if percent >= 1 or percent == 0 else f"{percent:.2g}{NBSP}%"


def confidence_text(share: float | None) -> str:
    """A confidence in percent; statistics are never certain, so it never reads as 100 %."""
    if share is None or not math.isfinite(share):
        return MISSING
    if share > 0.999:
        return f">{NBSP}99.9{NBSP}%"
    return f"{math.floor(share * 1000) / 10:g}{NBSP}%" if share > 0.99 else percent_text(share)


def count_text(number: float | None) -> str:
    """A whole number with its thousands apart: `48,211`."""
    return MISSING if number is None or not math.isfinite(number) else f"{number:,.0f}"


def plural(number: int, noun: str) -> str:
    """`1 leak`, `2 leaks`."""
    return f"{count_text(number)}{NBSP}{noun}{'' if number == 1 else 's'}"


def duration_text(seconds: float | None) -> str:
    """A span of time in its largest fitting unit: `12 s`, `3 min`, `2 h`, `5 d`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    for unit, length_s, limit_s in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400)):
        if seconds < limit_s:
            return f"{max(0, math.floor(seconds / length_s))}{NBSP}{unit}"
    return f"{math.floor(seconds / 86400)}{NBSP}d"


def ago_text(then: float, now: float) -> str:
    """How long ago a time was: `12 s ago`; a time just ahead, from a clock that goes fast, is `just now`."""
    return "just now" if now - then < 2 else f"{duration_text(now - then)} ago"


def exact_text(then: float) -> str:
    """A time to the second: `2026-11-23 10:05:12 UTC`."""
    return datetime.fromtimestamp(then, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def iso_text(then: float) -> str:
    """A time as a machine reads it, for the `datetime` attribute."""
    return datetime.fromtimestamp(then, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def visible(text: str) -> str:
    """Text with every control, reordering or unencodable character written out, such as `\\u202e`.

    Names of files and functions come from other people's programs: such a character could turn a line's direction, hide
    a part of it, or fail to encode as UTF-8.
    """
    return "".join(_written_out(char) if _hides(char) else char for char in text)


def shorten(text: str, limit: int = 160) -> str:
    """Text cut in its middle to a number of characters: both ends of a path or a qualified name tell something."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[len(text) - (limit - 1 - head) :]}"


def plain(text: str, limit: int = 60) -> str:
    """A name that plotly.js shows as it is: its texts know a small HTML of their own."""
    return html.escape(shorten(visible(text), limit), quote=False)


def exact_bytes_text(size: float | None) -> str:
    """Every byte of a size: `14,889,779 bytes`, for those who point at a rounded one."""
    return MISSING if size is None or not math.isfinite(size) else f"{count_text(size)} bytes"


def ahead_text(seconds: float) -> str:
    """A span of time in two units, as a forecast is told: `6 h 20 min`, `3 d 4 h`, `40 min`."""
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes}{NBSP}min"
    if minutes < 24 * 60:
        # To ten minutes: a forecast of hours doesn't know more.
        hours, rest = divmod(round(minutes / 10) * 10, 60)
        return f"{hours}{NBSP}h" + (f" {rest}{NBSP}min" if rest else "")
    days, rest = divmod(round(minutes / 60), 24)
    return f"{days}{NBSP}d" + (f" {rest}{NBSP}h" if rest and days < 10 else "")


def _scale(size: float) -> tuple[float, str]:
    """The unit in which a size has three digits at most before the point."""
    power = next((power for power in range(len(UNITS)) if size / KIB**power < 999.5), len(UNITS) - 1)
    return KIB**power, UNITS[power]


def _three_digits(number: float) -> str:
    decimals = 2 if number < 9.995 else 1 if number < 99.95 else 0
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _hides(char: str) -> bool:
    if char.isascii():
        return not char.isprintable()
    return char in _INVISIBLE or unicodedata.category(char) in _UNPRINTABLE or _turns_direction(char)


def _turns_direction(char: str) -> bool:
    return "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"


def _written_out(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"
