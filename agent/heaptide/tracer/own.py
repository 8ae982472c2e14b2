"""Telling the agent's own memory from the application's."""

from __future__ import annotations

import os
import tracemalloc

_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_STDLIB = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_THIRD_PARTY = (_STDLIB + "site-packages" + os.sep, _STDLIB + "dist-packages" + os.sep)


def is_own(frames: tuple[tuple[str, int], ...]) -> bool:
    """Says whether a stack, allocation first, is the agent's: allocated by it, or by the standard library for it.

    The first frame outside the standard library decides, so the application's blocks stay its own although
    the agent's middleware is somewhere in their stack.
    """
    for filename, _ in frames:
        if filename.startswith(_OWN_FOLDER) or filename == tracemalloc.__file__:
            return True
        if not _is_stdlib(filename):
            return False
    return False


def _is_stdlib(filename: str) -> bool:
    return filename.startswith("<frozen ") or (filename.startswith(_STDLIB) and not filename.startswith(_THIRD_PARTY))
