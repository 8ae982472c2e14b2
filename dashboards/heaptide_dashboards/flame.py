"""A differential flame graph, callers above, allocations below, as boxes in percent of the width: no script draws it.

plotly's basic bundle has no icicle chart, and a list of boxes is on the page before any script has run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from heaptide_dashboards.comparing import CHANGES, SiteDelta, change_of
from heaptide_dashboards.format import per_hour_text, shorten, visible
from heaptide_dashboards.views import FrameView

ROW_PX = 20
# Thinner boxes can't be seen, more of them don't help, and deeper ones are the framework's own recursion.
LEAST_PERCENT = 0.4
MOST_BOXES = 400
MOST_ROWS = 40
# Below it no letter has room.
LABEL_PERCENT = 2.5
STRENGTHS = 3


@dataclass(frozen=True)
class Box:
    """A frame: where it lies, in percent of the width and rows from the top, and how it changed.

    `change` is a key of `CHANGES`; `strength` 1 to 3 says how much of it changed.
    """

    left: float
    width: float
    row: int
    label: str
    title: str
    change: str
    strength: int


@dataclass(frozen=True)
class Flame:
    """The graph's boxes; `left_out` had no room."""

    boxes: list[Box]
    rows: int
    left_out: int


@dataclass
class _Node:
    label: str
    weight: float = 0.0
    before: float = 0.0
    after: float = 0.0
    known: bool = False
    children: dict[tuple[str, str, int], _Node] = field(default_factory=dict)

    def add(self, delta: SiteDelta) -> None:
        self.weight += _weight(delta)
        self.before += delta.before
        self.after += delta.after
        self.known |= delta.known


def flame(deltas: Sequence[SiteDelta]) -> Flame:
    """The graph of these sites. A box is as wide as the larger of its sites' two rates."""
    root = _Node("all sites")
    for delta in deltas:
        node = root
        node.add(delta)
        for frame in list(reversed(delta.frames))[: MOST_ROWS - 1]:
            key = frame.file, frame.function, frame.line
            node = node.children.setdefault(key, _Node(_label(frame)))
            node.add(delta)
    if root.weight <= 0:
        return Flame([], 0, 0)
    boxes = _boxes(root)
    shown = sorted(boxes, key=lambda box: (box.row, -box.width))[:MOST_BOXES]
    return Flame(shown, 1 + max(box.row for box in shown), len(boxes) - len(shown))


def _boxes(root: _Node) -> list[Box]:
    boxes: list[Box] = []
    waiting = [(root, 0.0, 0)]
    while waiting:
        node, left, row = waiting.pop()
        width = 100 * node.weight / root.weight
        if width < LEAST_PERCENT:
            continue
        boxes.append(_box(node, left, width, row))
        for child in sorted(node.children.values(), key=lambda child: -child.weight):
            waiting.append((child, left, row + 1))
            left += 100 * child.weight / root.weight
    return boxes


def _box(node: _Node, left: float, width: float, row: int) -> Box:
    change = change_of(node.before, node.after, node.known)
    told = f"{per_hour_text(node.before)} before, {per_hour_text(node.after)} after"
    name = visible(node.label)
    return Box(
        left=round(left, 3),
        width=round(width, 3),
        row=row,
        label=f"{_MARKS[change]}{shorten(name, 80)}" if width >= LABEL_PERCENT else "",
        title=f"{CHANGES[change].word}: {shorten(name, 160)}, {told}",
        change=change,
        strength=_strength(node),
    )


# In front of a label, so that a change isn't told by its colour alone.
_MARKS = {"new": "✚ ", "more": "▲ ", "less": "▼ ", "same": ""}


def _strength(node: _Node) -> int:
    share = abs(node.after - node.before) / (node.weight or 1.0)
    return min(STRENGTHS, 1 + int(share * STRENGTHS))


def _weight(delta: SiteDelta) -> float:
    return max(abs(delta.before), abs(delta.after))


def _label(frame: FrameView) -> str:
    return f"{frame.function} {frame.file}:{frame.line}"
