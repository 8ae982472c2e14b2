"""The corpus: real leaks from a folder beside the checkout, and programs that only look like leaks, kept here."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Variant = Literal["leaky", "fixed", "calm"]

ROOT = Path(__file__).parents[2]
CALM = Path(__file__).parent / "calm"
VARIABLE = "HEAPTIDE_LEAKS"

# So fast that the site which leaks most gains this much: half a MiB, the least that is worth a word, in ten seconds.
_BYTES_PER_S = 50_000.0
_SLOWEST, _FASTEST = 30.0, 500.0  # steps a second


@dataclass(frozen=True)
class Program:
    """One program to run under the agent.

    Attributes:
        name: what people call it; also the service's name.
        app: the file with `step()`, one request's work.
        pins: the requirements file; None where it needs nothing.
        variant: told to the program as VARIANT.
        steps_per_s: how fast its steps are paced.
    """

    name: str
    app: Path
    pins: Path | None
    variant: Variant
    steps_per_s: float


@dataclass(frozen=True)
class Case:
    """A leak that happened: the program that has it, the one that hasn't, and what is true of it."""

    name: str
    leaky: Program
    fixed: Program
    truth: dict[str, Any]

    @property
    def native(self) -> bool:
        """Whether it leaks outside Python's heap, so that `native` is the verdict to expect."""
        return str(self.truth["kind"]).startswith("native")


def folder(given: Path | None = None) -> Path:
    """Where the real leaks are: as given, else as HEAPTIDE_LEAKS says, else shared/leaks beside the checkout."""
    if given:
        return given
    return Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "leaks")


def cases(where: Path, names: Sequence[str] = ()) -> list[Case]:
    """The real leaks in a folder, in the order of their names; only those named, if any are."""
    found = sorted(path.parent for path in where.glob("*/truth.json"))
    return [_case(path) for path in found if not names or path.name in names]


def calm(names: Sequence[str] = ()) -> list[Program]:
    """The programs that must not be called leaks; only those named, if any are."""
    found = sorted(path for path in CALM.glob("*.py"))
    programs = [Program(path.stem.replace("_", "-"), path, None, "calm", 100.0) for path in found]
    return [program for program in programs if not names or program.name in names]


def _case(path: Path) -> Case:
    truth = json.loads((path / "truth.json").read_text())
    leaky, fixed = (
        Program(f"{path.name}-{variant}", path / "app.py", path / f"requirements-{variant}.txt", variant, _pace(truth))
        for variant in ("leaky", "fixed")
    )
    return Case(path.name, leaky, fixed, truth)


def _pace(truth: dict[str, Any]) -> float:
    sizes: list[float] = [site["bytes_per_step"] for site in truth["sites"]] or [truth["bytes_per_step"]["rss"]]
    return min(max(_BYTES_PER_S / max(sizes), _SLOWEST), _FASTEST)
