"""Lines of the application's own source around the frames of a stack, where the user allowed it (`HEAPTIDE_SOURCE`)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import Any

from heaptide.frames import Place
from heaptide.tracer.protocol import RawFrame

AROUND = 5  # lines before and after the one of the frame
_TIGHTER = (2, 0)  # where that many would pass the budget
MOST_FRAMES = 3  # of one stack, the innermost in the application's own code
MOST_CHARACTERS = 200  # of one line
MOST_BYTES = 32 << 10  # of all excerpts of one answer
# Decoding so much takes a millisecond; source that people write is smaller.
MOST_FILE_BYTES = 1 << 20
_TAB = 4
_SUFFIX = ".py"  # a template's or a query's file may be named by compiled code, but its lines aren't Python's

CHANGED = "the file was changed after this process started, so its lines may not be those that run"


class Excerpts:
    """Reads the lines around frames, as they were when the process started. Used by the agent's thread alone.

    Args:
        place: names a file for the wire and says whether it is the application's own.
        since: seconds since the epoch at which the code that runs was imported, or before: a file that was changed
            later isn't shown.
    """

    def __init__(self, place: Place, since: float) -> None:
        self._place = place
        self._since = since

    def of(self, frames: Sequence[RawFrame], most_bytes: int = MOST_BYTES) -> list[dict[str, Any]]:
        """Excerpts of a stack as `heaptide.wire` tells; frames for which no room is left are left out.

        Args:
            frames: raw frames, allocation first.
            most_bytes: of source in all, as UTF-8.
        """
        own = dict.fromkeys(frame for frame in frames if self._place(frame[0])[1])
        found: list[dict[str, Any]] = []
        for file, function, line in list(own)[:MOST_FRAMES]:
            first, lines, note = self._lines(file, line, most_bytes)
            if lines or note:
                name = self._place(file)[0]
                found.append(
                    {"file": name, "function": function, "line": line, "first": first, "lines": lines, "note": note}
                )
            most_bytes -= _size(lines)
        return found

    def _lines(self, file: str, line: int, most_bytes: int) -> tuple[int, list[str], str]:
        """Number of the first line, the lines, and why there are none."""
        try:
            every = _read(file, self._since)
        except _UnfitError as reason:
            return 0, [], str(reason)
        except OSError as error:
            return 0, [], f"the file can't be read here: {error.strerror or type(error).__name__}"
        except ValueError:  # a name that no file system takes
            return 0, [], "the file can't be read here: no file can have this name"
        if not 0 < line <= len(every):
            return 0, [], f"the file has {len(every)} lines, so it isn't the one that runs"
        for around in (AROUND, *_TIGHTER):
            first = max(1, line - around)
            lines = [_shown(text) for text in every[first - 1 : line + around]]
            if _size(lines) <= most_bytes:
                return first, lines, ""
        return 0, [], ""


class _UnfitError(Exception):
    """The file isn't shown; the message says why."""


def _read(file: str, since: float) -> list[bytes]:
    """The lines of a source file, cut as Python cuts them.

    Raises:
        _UnfitError: it's no Python file, no regular one, too large, or was changed since.
        OSError: it can't be read.
        ValueError: its name is none.
    """
    if not file.endswith(_SUFFIX):
        raise _UnfitError("the file isn't Python source")
    if not os.path.isabs(file):
        raise _UnfitError("the file is named relative to a folder that may be another one by now")
    # Looked at before it is opened, because opening a pipe or a device may do something; and again once it is open.
    _check(os.lstat(file))
    opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(os.fstat(opened))
        content = os.read(opened, MOST_FILE_BYTES + 1)
        status = os.fstat(opened)
    finally:
        os.close(opened)
    _check(status)
    # A file that is moved to another's place keeps its time of modification, but not that of its entry.
    if max(status.st_mtime, status.st_ctime) > since:
        raise _UnfitError(CHANGED)
    return content.splitlines()


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise _UnfitError("the file isn't a regular file")
    if status.st_size > MOST_FILE_BYTES:
        raise _UnfitError(f"the file is larger than {MOST_FILE_BYTES >> 20} MiB")


def _shown(line: bytes) -> str:
    """A line as text; what isn't UTF-8 is replaced, for another codec may be the application's own code."""
    text = line[: 4 * MOST_CHARACTERS + 4].decode("utf-8", "replace").lstrip("\ufeff").rstrip().expandtabs(_TAB)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
