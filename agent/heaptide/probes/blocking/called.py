"""Names the C function that a frame stands in: Python's stack ends at the caller, so its line has to tell."""

from __future__ import annotations

import re
import sys
from itertools import islice

from heaptide.frames import Call

_MOST_LINES = 20  # that a call may span
_MOST_NAME = 80
_CALLED = re.compile(r"([A-Za-z_][\w.]*)\s*\(")
_TAIL = re.compile(r"[A-Za-z_][\w.]*$")


def called(call: Call) -> str | None:
    """The name of what is being called, as its source has it ("time.sleep"); None where that can't be told.

    Reads the source file, so it is for rare events only. From 3.11 on the bytecode says which columns the call takes;
    before, a name is told only where the line has one call.
    """
    position = _position(call)
    try:
        with open(call.code.co_filename, "rb") as file:
            first = position[0] if position else call.line
            lines = list(islice(file, first - 1, first - 1 + _MOST_LINES))
    except (OSError, ValueError):  # code without a file, a name with a null byte
        return None
    name = _exactly(lines, position) if position else _only(lines[:1])
    return name[:_MOST_NAME] if name else None


def _position(call: Call) -> tuple[int, int, int, int] | None:
    """First line, last line, first column, last column (of bytes) of the instruction's expression."""
    if sys.version_info < (3, 11) or call.offset < 0:
        return None
    line, end_line, column, end_column = next(islice(call.code.co_positions(), call.offset // 2, None), (None,) * 4)
    if line is None or end_line is None or column is None or end_column is None:  # python -X no_debug_ranges
        return None
    return line, end_line, column, end_column


def _exactly(lines: list[bytes], position: tuple[int, int, int, int]) -> str | None:
    line, end_line, column, end_column = position
    if end_line - line >= len(lines):
        return None
    lines = lines[: end_line - line + 1]
    lines[-1] = lines[-1][:end_column]
    text = b"".join(lines)[column:].decode(errors="replace").rstrip()
    return _before_arguments(text)


def _before_arguments(text: str) -> str | None:
    """The dotted name before the last pair of parentheses, which are the call's own."""
    if not text.endswith(")"):
        return None
    depth = 0
    for index in range(len(text) - 1, -1, -1):
        depth += (text[index] == ")") - (text[index] == "(")
        if depth == 0:
            found = _TAIL.search(text[:index].rstrip())
            return found.group() if found else None
    return None


def _only(lines: list[bytes]) -> str | None:
    found = _CALLED.findall(lines[0].decode(errors="replace")) if lines else []
    return found[0] if len(found) == 1 else None
