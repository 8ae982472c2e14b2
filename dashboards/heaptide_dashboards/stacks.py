"""A stack cut into runs: the user's own frames stand open, those of libraries between them are folded; and the lines of
source around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from heaptide_dashboards.format import plural
from heaptide_dashboards.views import ExcerptView, FrameView


@dataclass(frozen=True)
class Run:
    """Frames of one kind that follow each other; `label` says what a folded run holds."""

    in_app: bool
    frames: list[FrameView]
    label: str


@dataclass(frozen=True)
class SourceLine:
    """A line of source with its number; `marked` is the frame's own."""

    number: int
    text: str
    marked: bool


def source_lines(excerpt: ExcerptView) -> list[SourceLine]:
    """The lines without the indentation that all of them share."""
    told = [line for line in excerpt.lines if line.strip()]
    shared = min((len(line) - len(line.lstrip(" ")) for line in told), default=0)
    return [
        SourceLine(number, line[shared:], number == excerpt.line)
        for number, line in enumerate(excerpt.lines, excerpt.first)
    ]


def runs(frames: Sequence[FrameView]) -> list[Run]:
    """The stack's runs in its own order, allocation first."""
    return [_run(in_app, list(group)) for in_app, group in groupby(frames, key=lambda frame: frame.in_app)]


def _run(in_app: bool, frames: list[FrameView]) -> Run:
    packages = list(dict.fromkeys(_package(frame.file) for frame in frames))
    rest = f" and {plural(len(packages) - 2, 'other')}" if len(packages) > 2 else ""
    return Run(in_app, frames, f"{plural(len(frames), 'frame')} in {', '.join(packages[:2])}{rest}")


def _package(file: str) -> str:
    """The package that a library's file belongs to, as its name travels: relative to site-packages or the library."""
    return file.partition("/")[0].removesuffix(".py") or file
