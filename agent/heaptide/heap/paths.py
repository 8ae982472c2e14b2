"""Names the hops of a path as code would, and merges paths that read the same.

`shop.quotes._QUOTES: dict of 48,211 -> [key] -> Quote.lines: list -> dict`
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from heaptide.heap.answer import Found, Link, Root
from heaptide.heap.breathing import breathing

KEPT_AT_END = 16  # as in `_native/answer.c`: links behind the gap of a very long path, and the last one
SMALL_DICT = 64  # keys of a larger dict are data, not names
MOST_BOUND = 1 << 40  # elements: a larger bound bounds nothing

_MODULE, _NAMED, _FRAME, _TEMPORARY, _GLOBALS, _THREAD, _CONTEXT, _FROM_C = range(1, 9)  # hw_root_kind
# Parts of functions, generators and contexts that are no hops of their own.
_UNSAID = frozenset({"", "__closure__", "__defaults__", "__kwdefaults__", "frame"})


@dataclass(frozen=True)
class Hop:
    """One object on a path.

    Attributes:
        name: how the one before refers to it, as code would say.
        type: its qualified type name.
        length: elements that it holds; None where it is no container.
        bound: the most elements that it may ever hold (a cache's or a queue's maxsize, a deque's maxlen); None where
            there is none.
    """

    name: str
    type: str
    length: int | None = None
    bound: int | None = None


@dataclass(frozen=True)
class Path:
    """A way in which blocks are held: from what holds them to the object in the block.

    Attributes:
        count: blocks that are held in this way.
        hops: the holder first.
    """

    count: int
    hops: tuple[Hop, ...]

    def __str__(self) -> str:
        return " -> ".join(_text(hop) for hop in self.hops)


def merge(found: Iterable[Found], threads: Mapping[int, str], most: int = 5) -> list[Path]:
    """Merges the paths that read the same, most blocks first.

    Args:
        found: what the walk found; only held blocks have a path.
        threads: names of the threads by their identity.
        most: paths returned at the most.
    """
    groups: dict[tuple[tuple[str, str], ...], list[list[_Named]]] = {}
    for one in breathing(found):
        if one.root is not None and one.links:
            hops = _repeats(_Namer(one.root, threads).hops(one.links, one.left_out))
            groups.setdefault(tuple((hop.name, hop.type) for hop in hops), []).append(hops)
    ranked = sorted(groups.values(), key=len, reverse=True)[:most]
    return [Path(len(group), tuple(_merged(hops) for hops in zip(*group, strict=True))) for group in ranked]


@dataclass(frozen=True)
class _Named:
    """A hop before merging: a key is shown only where it is one of few."""

    name: str
    type: str
    length: int
    bound: int
    key: str = ""
    times: int = 1


class _Namer:
    def __init__(self, root: Root, threads: Mapping[int, str]) -> None:
        self._root = root
        self._thread = threads.get(root.thread, "")
        self._hops: list[_Named] = []
        self._before: Link | None = None  # the object that refers to the one at hand
        self._owner = ""  # where the object before is a dict of attributes or a part of a function: whose
        self._plain_dict = 0  # length of the plain dict before

    def hops(self, links: Sequence[Link], left_out: int) -> list[_Named]:
        gap = len(links) - 1 - KEPT_AT_END if left_out else -1
        for at, link in enumerate(links):
            if at == gap:
                self._hops.append(_Named("...", f"{left_out:,} more", -1, -1, times=left_out))
                self._owner = ""
            if at == gap and self._before and self._before.type != link.type:
                self._emit("[...]", link)  # what refers to it isn't known here
            else:
                self._step(link, last=at == len(links) - 1)
            self._before = link
        return self._hops

    def _step(self, link: Link, *, last: bool) -> None:
        before = self._before
        owner, self._owner = self._owner, ""
        if before is None:
            self._begin(link, last=last)
        elif link.edge == "d" and not last:
            self._enter_dict(before)
        elif link.edge == "x" and link.edge_name in _UNSAID and not last:
            self._owner = before.name if link.edge_name else owner
        elif link.edge == "o" and self._hops and self._hops[-1].type == "cell":
            self._hops[-1] = replace(self._hops[-1], type=link.type, length=link.length, bound=link.bound)
        elif link.edge == "k" and not owner:
            self._emit("[key]", link, key=link.edge_name if before.length <= SMALL_DICT else "")
        else:
            self._emit(self._name(link, before, owner), link)

    def _begin(self, link: Link, *, last: bool) -> None:
        root = self._root
        if root.kind in (_MODULE, _GLOBALS) and link.type == "dict" and not last:
            self._owner = root.label if root.kind == _MODULE else f"globals of {root.owner}()"
        else:
            self._emit(self._root_name(), link)

    def _root_name(self) -> str:
        root = self._root
        where = f" in thread {self._thread}" if self._thread not in ("", "MainThread") else ""
        names = {
            _FRAME: f"local {root.label} of running {root.owner}(){where}",
            _TEMPORARY: f"temporary of running {root.owner}(){where}",
            _GLOBALS: f"globals of {root.owner}()",
            _THREAD: f"{root.label} of thread {self._thread or root.thread}",
            _CONTEXT: f"context of thread {self._thread or root.thread}",
            _FROM_C: "held from C",
        }
        return names.get(root.kind, root.label)

    def _enter_dict(self, before: Link) -> None:
        """The dict of attributes itself is no hop; nor is a class or module whose name the attribute will carry."""
        if before.name and before.type in ("type", "module", "abc.ABCMeta", "enum.EnumType", "enum.EnumMeta"):
            self._owner = before.name
            if self._hops:
                self._hops.pop()
        else:
            self._owner = before.name if before.type == "function" else _short(before.type)

    def _name(self, link: Link, before: Link, owner: str) -> str:
        name = link.edge_name
        names = {
            "k": f"{owner}.{name}",
            ".": f"{_short(before.type)}.{name}",
            "d": f"{_short(before.type)}.__dict__",
            "x": f"{_short(before.type)}.{name}",
            "K": "[a key]",
            "i": f"[{link.position}]" if before.type == "tuple" else "[index]",
            "m": "[member]",
            "v": f"local {name} of {before.name}()",
            "c": f"closure variable {name} of {owner}()",
            "D": f"default of argument {name} of {owner}()",
            "o": "cell",
            "a": "[cached]",
            "C": f"contextvar {name}",
            "w": "weak reference's callback",
        }
        return names.get(link.edge, f"in {_short(before.type)}")

    def _emit(self, name: str, link: Link, key: str = "") -> None:
        self._hops.append(_Named(name, link.type, link.length, link.bound, key))


def _repeats(hops: Sequence[_Named]) -> list[_Named]:
    """A long chain of the same hop, a linked list's say, becomes one."""
    folded: list[_Named] = []
    for hop in hops:
        last = folded[-1] if folded else None
        if last and hop.name == "..." and len(folded) > 1 and folded[-1].times > 1:
            folded[-1] = replace(last, times=last.times + hop.times)
        elif last and (last.name, last.type) == (hop.name, hop.type):
            folded[-1] = replace(hop, times=last.times + hop.times)
        else:
            folded.append(hop)
    return folded


def _merged(hops: Sequence[_Named]) -> Hop:
    first = hops[0]
    name, keys = first.name, {hop.key for hop in hops}
    if name == "[key]" and len(keys) == 1 and first.key.isidentifier():
        name = f"[{first.key!r}]"
    if first.times > 1 and name != "...":
        name = f"{name} ({max(hop.times for hop in hops):,} times)"
    length, bound = max(hop.length for hop in hops), max(hop.bound for hop in hops)
    return Hop(name, first.type, length if length >= 0 else None, bound if 0 <= bound <= MOST_BOUND else None)


def _short(type_name: str) -> str:
    return type_name.rpartition(".")[2]


def _text(hop: Hop) -> str:
    kind = _short(hop.type)
    of = "" if hop.length is None else f" of {hop.length:,}"
    bound = "" if hop.bound is None else f" (at most {hop.bound:,})"
    return f"{hop.name}: {kind}{of}{bound}"
