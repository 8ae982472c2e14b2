"""What is true of the demo's shop, read from its source, to hold the verdict against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
_SOURCE = FOLDER / "shop" / "quotes.py"
_MARK = "# the leak"


@dataclass(frozen=True)
class Outcome:
    """What was right and wrong in the leaks that a run named."""

    found: Mapping[str, Any] | None
    innocent: list[Mapping[str, Any]]


def leaking_line() -> tuple[str, int]:
    """File and line of the one statement that leaks, as the agent would name them."""
    for number, text in enumerate(_SOURCE.read_text().splitlines(), start=1):
        if text.endswith(_MARK):
            return _SOURCE.relative_to(FOLDER).as_posix(), number
    raise LookupError(f"{_SOURCE.name} has no line that ends in {_MARK!r}")


def compare(named: Iterable[Mapping[str, Any]]) -> Outcome:
    """Parts the leaks that were named, in the form of the HTTP API, into the true one and the innocent ones."""
    truth = leaking_line()
    found = None
    innocent = []
    for leak in named:
        site = leak["site"] or {}
        if (site.get("file"), site.get("line")) == truth:
            found = leak
        else:
            innocent.append(leak)
    return Outcome(found, innocent)
