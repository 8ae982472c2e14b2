"""Reads what the walk wrote into its pipe; `_native/answer.c` writes it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from heaptide.heap.breathing import breathing

_LENGTH = struct.Struct("=Q")
_NUMBER = struct.Struct("=q")
_SECONDS = struct.Struct("=d")
_TEXT = struct.Struct("=H")

# What became of a block: held by a path, held (and nobody asked by which path), garbage that awaits collection, the
# agent's own, or of no object that the walk saw: freed meanwhile, or a buffer of something that isn't a container.
Fate = Literal["h", "H", "g", "o", "-"]
_WITHOUT_PATH: tuple[Fate, ...] = ("H", "g", "o")


class Root(NamedTuple):
    """Where a path begins. `kind` is a number of hw_root_kind in `_native/walk.h`."""

    kind: int
    label: str
    owner: str
    thread: int


class Link(NamedTuple):
    """One object on a path, and how the one before refers to it; `edge` is a letter of hw_edge_kind in
    `_native/paths.h`, and a number that isn't known is -1."""

    edge: str
    edge_name: str
    position: int
    type: str
    name: str
    length: int
    bound: int


@dataclass(frozen=True)
class Found:
    """What the walk says of one block.

    Attributes:
        address: the block's.
        fate: see `Fate`.
        storage: the block is a table or buffer that belongs to an object of `type`, not the object itself.
        type: the object's qualified type name; "" where there is none.
        root: where the path begins; None where it isn't held.
        left_out: objects left out in the middle of a very long path, before the last 17 links.
        links: from the root's own object to the one in the block.
    """

    address: int
    fate: Fate
    storage: bool
    type: str
    root: Root | None = None
    left_out: int = 0
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The whole answer.

    Attributes:
        walk_s: seconds that the walk took, in the child.
        objects: objects that it visited.
        skipped: objects whose traverse function crashed.
        ended: "" or why it ended early: "time" or "memory".
        found: one for each block asked for, but for those whose description failed.
    """

    walk_s: float
    objects: int
    skipped: int
    ended: str
    found: tuple[Found, ...]


def is_whole(answer: bytes | bytearray) -> bool:
    """Whether all bytes of the answer have come."""
    return len(answer) >= _LENGTH.size and len(answer) >= _LENGTH.unpack_from(answer)[0]


def read(answer: bytes | bytearray) -> Answer:
    """Reads a whole answer.

    Raises:
        ValueError: it ends too early, or isn't one.
    """
    reader = _Reader(answer)
    try:
        end = reader.take(_LENGTH)
        walk_s = reader.take(_SECONDS)
        objects, skipped, ended = reader.number(), reader.number(), reader.text()
        found = tuple(breathing(_each(reader, end)))
    except struct.error as error:
        raise ValueError(f"the walk's answer of {len(answer)} bytes is damaged: {error}") from error
    return Answer(walk_s, objects, skipped, ended, found)


class _Reader:
    def __init__(self, answer: bytes | bytearray) -> None:
        self._answer = answer
        self.at = 0

    def take(self, form: struct.Struct) -> float:
        value: float
        (value,) = form.unpack_from(self._answer, self.at)
        self.at += form.size
        return value

    def number(self) -> int:
        return int(self.take(_NUMBER))

    def text(self) -> str:
        length = int(self.take(_TEXT))
        self.at += length
        return bytes(self._answer[self.at - length : self.at]).decode(errors="replace")

    def letter(self) -> str:
        self.at += 1
        return chr(self._answer[self.at - 1])


def _each(reader: _Reader, end: float) -> Iterator[Found]:
    while reader.at < end:
        yield _found(reader)


def _found(reader: _Reader) -> Found:
    address = reader.number() & (1 << 64) - 1
    fate, storage, kind = reader.letter(), reader.letter() != "\0", reader.text()
    if fate == "h":
        root = Root(ord(reader.letter()), reader.text(), reader.text(), reader.number())
        left_out, hops = reader.number(), reader.number()
        return Found(address, "h", storage, kind, root, left_out, tuple(_link(reader) for _ in range(hops + 1)))
    known: Fate | None = next((one for one in _WITHOUT_PATH if one == fate), None)
    return Found(address, known, storage, kind) if known else Found(address, "-", False, "")


def _link(reader: _Reader) -> Link:
    edge, edge_name, index = reader.letter(), reader.text(), reader.number()
    return Link(edge, edge_name, index, reader.text(), reader.text(), reader.number(), reader.number())
