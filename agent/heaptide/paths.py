"""Naming files the same way on every host: relative to where Python found them, and whether they are the user's."""

from __future__ import annotations

import os
import sys
from types import ModuleType

_LIBRARY_FOLDERS = frozenset({"site-packages", "dist-packages"})
_STDLIB = os.path.dirname(os.path.abspath(os.__file__))
_STDLIB_ZIP = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
_OWN_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_MOST_FILES = 8192


class Places:
    """Turns the file names of code objects into the names that travel.

    The entry of sys.path with the longest match decides: the name is relative to it, and the file is the user's own
    (`in_app`) unless that entry is a site-packages, a dist-packages or the standard library. So a folder of the app is
    the app's even inside site-packages, where it stands on sys.path itself. Answers are cached, so they don't change
    when sys.path does later.

    Args:
        sys_path: entries to use; None reads `sys.path` whenever a new file is asked for.
    """

    def __init__(self, sys_path: list[str] | None = None) -> None:
        self._sys_path = sys_path
        self._known: dict[str, tuple[str, bool]] = {}

    def place(self, filename: str) -> tuple[str, bool]:
        """Names a file for the wire: its name with forward slashes, and whether it is in the user's app.

        Args:
            filename: as the code object has it: absolute, relative to the working directory, or like "<string>".
        """
        known = self._known.get(filename)
        if known is None:
            if len(self._known) >= _MOST_FILES:
                self._known.pop(next(iter(self._known)))
            known = self._known[filename] = self._find(filename)
        return known

    def _find(self, filename: str) -> tuple[str, bool]:
        if filename.startswith("<") or not filename:
            return filename or "<unknown>", False
        path = _absolute(filename)
        if _within(path, _OWN_PACKAGE):
            return _relative(path, os.path.dirname(_OWN_PACKAGE)), False
        entry = max((entry for entry in self._entries(path) if _within(path, entry)), key=len, default=None)
        entry = entry or _package_parent(path)
        if entry is None:
            return _last_two(filename), True
        return _relative(path, entry), not _is_library(entry)

    def _entries(self, path: str) -> list[str]:
        entries = sys.path if self._sys_path is None else self._sys_path
        found = [_absolute(entry) for entry in entries if isinstance(entry, str)]
        return [*found, _STDLIB, *_library_parts(path)]


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except FileNotFoundError:  # the working directory is gone
        return os.path.normpath(path)


def _within(path: str, folder: str) -> bool:
    return path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


def _relative(path: str, folder: str) -> str:
    return path[len(folder) :].lstrip(os.sep).replace(os.sep, "/")


def _library_parts(path: str) -> list[str]:
    """Gives the site-packages that a file lies in, whether or not it still stands on sys.path."""
    parts = path.split(os.sep)
    for index in range(len(parts) - 2, 0, -1):
        if parts[index] in _LIBRARY_FOLDERS:
            return [os.sep.join(parts[: index + 1])]
    return []


def _is_library(entry: str) -> bool:
    parent, name = os.path.split(entry)
    if name in _LIBRARY_FOLDERS or name == _STDLIB_ZIP:
        return True
    if name.endswith(".egg") and os.path.basename(parent) in _LIBRARY_FOLDERS:
        return True  # a library installed as an egg: a .pth file puts the egg itself on sys.path
    return entry == _STDLIB or parent == _STDLIB  # lib-dynload


def _package_parent(path: str) -> str | None:
    """Gives the folder that holds a loaded package of this file: an editable install may use no sys.path entry."""
    for name, module in list(sys.modules.items()):
        if "." in name or not issubclass(type(module), ModuleType):
            continue
        folders = vars(module).get("__path__")
        for folder in folders if isinstance(folders, list) else ():
            if isinstance(folder, str) and os.path.basename(folder) == name and _within(path, folder):
                return os.path.dirname(folder)
    return None


def _last_two(filename: str) -> str:
    parts = os.path.normpath(filename).split(os.sep)
    return "/".join([part for part in parts if part not in ("", "..")][-2:])
