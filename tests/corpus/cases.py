"""The corpus: leaks from a folder beside the checkout and some kept here, and programs that only look like leaks."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Variant = Literal["leaky", "fixed", "calm"]

_VARIANTS: tuple[Variant, Variant] = ("leaky", "fixed")

ROOT = Path(__file__).parents[2]
KNOWN = Path(__file__).parent / "known"
CALM = Path(__file__).parent / "calm"
VARIABLE = "HEAPTIDE_LEAKS"

# So fast that the site which leaks most gains this much: half a MiB, the least that is worth a word, in ten seconds.
_BYTES_PER_S = 50_000.0
_SLOWEST, _FASTEST = 30.0, 500.0  # steps a second


@dataclass(frozen=True)
class Server:
    """How gunicorn serves a program that is a WSGI app, `app`, instead of steps."""

    workers: int
    max_requests: int
    requests_per_s: float


@dataclass(frozen=True)
class Program:
    """One program to run under the agent.

    Attributes:
        name: what people call it; also the service's name.
        app: the file with `step()`, one request's work.
        pins: the requirements file; None where it needs nothing.
        variant: told to the program as VARIANT.
        steps_per_s: how fast its steps are paced.
        server: serves it, where it is an app for a server.
    """

    name: str
    app: Path
    pins: Path | None
    variant: Variant
    steps_per_s: float
    server: Server | None = None


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

    @property
    def twin_fills(self) -> bool:
        """Whether the program that doesn't leak has a cache that fills, so that "filling" may be said of it."""
        return bool(self.truth.get("fixed_fills"))


def folder(given: Path | None = None) -> Path:
    """Where the real leaks are: as given, else as HEAPTIDE_LEAKS says, else shared/leaks beside the checkout."""
    if given:
        return given
    return Path(os.environ.get(VARIABLE) or ROOT.parent / "shared" / "leaks")


def cases(where: Path, names: Sequence[str] = ()) -> list[Case]:
    """The leaks in a folder and those kept here, in the order of their names; only those named, if any are.

    Of two of the same name the folder's is taken.
    """
    found = {path.parent.name: path.parent for place in (KNOWN, where) for path in place.glob("*/truth.json")}
    return [_case(path) for name, path in sorted(found.items()) if not names or name in names]


def calm(names: Sequence[str] = ()) -> list[Program]:
    """The programs that must not be called leaks; only those named, if any are."""
    found = sorted(path for path in CALM.glob("*.py"))
    programs = [Program(path.stem.replace("_", "-"), path, None, "calm", 100.0) for path in found]
    return [program for program in programs if not names or program.name in names]


def _case(path: Path) -> Case:
    truth = json.loads((path / "truth.json").read_text())
    server = Server(**truth["server"]) if "server" in truth else None
    leaky, fixed = (
        Program(f"{path.name}-{variant}", path / "app.py", _pins(path, variant), variant, _pace(truth), server)
        for variant in _VARIANTS
    )
    return Case(path.name, leaky, fixed, truth)


def _pins(path: Path, variant: str) -> Path | None:
    pins = path / f"requirements-{variant}.txt"
    return pins if pins.exists() else None


def _pace(truth: dict[str, Any]) -> float:
    sizes: list[float] = [site["bytes_per_step"] for site in truth["sites"]] or [truth["bytes_per_step"]["rss"]]
    return min(max(_BYTES_PER_S / max(sizes), _SLOWEST), _FASTEST)
