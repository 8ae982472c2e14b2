"""What the collector said, held against what is true. Nothing here is known to what is being judged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PLACE = re.compile(r"([\w./]+\.py):(?:\w+\.)*(\w+)")  # "package/module.py:Class.function" in a root cause


@dataclass(frozen=True)
class Attribution:
    """Where the truth stands in what was said.

    Attributes:
        leak: which of the leaks, the fastest first, has it; from 1.
        frame: which of that leak's frames, the allocation first; from 1.
    """

    leak: int
    frame: int


def in_sites(leaks: Sequence[Mapping[str, Any]], truth: Mapping[str, Any]) -> Attribution | None:
    """Where the first of the true sites stands: the lines whose blocks grew."""
    places = [(site["file"].removeprefix("stdlib:"), site["function"], site["line"]) for site in truth["sites"]]
    return _first(leaks, places)


def in_cause(leaks: Sequence[Mapping[str, Any]], truth: Mapping[str, Any]) -> Attribution | None:
    """Where the root cause's function stands; None where it isn't there, or is no Python function."""
    return _first(leaks, [(file, function, None) for file, function in _PLACE.findall(truth["root_cause"])])


def _first(leaks: Sequence[Mapping[str, Any]], places: Sequence[tuple[str, str, int | None]]) -> Attribution | None:
    for number, leak in enumerate(leaks, start=1):
        for depth, frame in enumerate(leak["site"]["frames"] if leak["site"] else (), start=1):
            if any(_same(frame, *place) for place in places):
                return Attribution(number, depth)
    return None


def _same(frame: Mapping[str, Any], file: str, function: str, line: int | None) -> bool:
    there = frame["file"] == file or f"/{frame['file']}".endswith(f"/{file}")
    return there and (frame["function"] == function or frame["line"] == line)
