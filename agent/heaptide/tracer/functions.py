"""Finding the function that a line belongs to, in modules already loaded: no file is read, nothing is imported."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

_MOST_FILES = 256
# A module that holds more than this is generated; what is found until then is enough.
_MOST_OBJECTS = 20_000

_namespace_of = type.__dict__["__dict__"].__get__


@dataclass
class _File:
    """(first line, last line, name) of each function in a file, and the lines asked for so far."""

    spans: list[tuple[int, int, str]]
    lines: dict[int, str] = field(default_factory=dict)

    def name_at(self, line: int) -> str:
        name = self.lines.get(line)
        if name is None:
            # Functions nest, so of those around a line the innermost starts last.
            around = [(first, -last, name) for first, last, name in self.spans if first <= line <= last]
            name = self.lines[line] = max(around)[2] if around else ""
        return name


class FunctionNames:
    """Names the function around a line, from the code objects of loaded modules; at most 256 files are remembered."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        self._modules: dict[str, str] = {}
        self._modules_seen = 0

    def of(self, filename: str, line: int) -> str:
        """Names the function, or "" where it isn't known: module level, generated code, a module not loaded."""
        file = self._files.get(filename)
        if file is None:
            file = self._read(filename)
        return file.name_at(line)

    def _read(self, filename: str) -> _File:
        module = self._module(filename)
        file = _File(sorted(_spans(module, filename)) if module else [])
        if module is None or not _is_loading(module):
            if len(self._files) >= _MOST_FILES:
                self._files.pop(next(iter(self._files)))
            self._files[filename] = file
        return file

    def _module(self, filename: str) -> ModuleType | None:
        path = os.path.abspath(filename)
        if path not in self._modules and len(sys.modules) != self._modules_seen:
            self._modules = dict(_files_of_modules())
            self._modules_seen = len(sys.modules)
        module = sys.modules.get(self._modules.get(path, ""))
        return module if issubclass(type(module), ModuleType) else None


def _files_of_modules() -> Iterator[tuple[str, str]]:
    for name, module in list(sys.modules.items()):
        if issubclass(type(module), ModuleType):
            filename = vars(module).get("__file__")
            if isinstance(filename, str):
                yield os.path.abspath(filename), name


def _is_loading(module: ModuleType) -> bool:
    return bool(getattr(vars(module).get("__spec__"), "_initializing", False))


def _spans(module: ModuleType, filename: str) -> Iterator[tuple[int, int, str]]:
    for code in {code for code in _codes(module) if code.co_filename == filename}:
        yield code.co_firstlineno, _last_line(code), code.co_name
        yield from _nested_spans(code)


def _nested_spans(code: CodeType) -> Iterator[tuple[int, int, str]]:
    for nested in code.co_consts:
        if type(nested) is not CodeType:
            continue
        if not nested.co_name.startswith("<"):  # a comprehension goes by the name of its function
            yield _first_body_line(nested), _last_line(nested), nested.co_name
        yield from _nested_spans(nested)


def _first_body_line(code: CodeType) -> int:
    # The line of a nested `def` makes the function object: that is the outer function's allocation.
    body = [line for _, _, line in code.co_lines() if line and line > code.co_firstlineno]
    return min(body, default=code.co_firstlineno)


def _last_line(code: CodeType) -> int:
    return max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)


def _codes(module: ModuleType) -> Iterator[CodeType]:
    pending: list[Any] = list(vars(module).values())
    seen: set[int] = set()
    while pending and len(seen) < _MOST_OBJECTS:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if type(value) is FunctionType:
            yield value.__code__
        pending.extend(_behind(value, module.__name__))


def _behind(value: Any, module_name: str) -> list[Any]:
    """Gives what may hide a function of the module. Looks at exact types only: a proxy's attributes run its code."""
    kind = type(value)
    if kind is FunctionType:
        return [vars(value).get("__wrapped__"), *(_content(cell) for cell in value.__closure__ or ())]
    if issubclass(kind, type):
        namespace = _namespace_of(value)
        return list(namespace.values()) if namespace.get("__module__") == module_name else []
    if kind in (staticmethod, classmethod):
        return [value.__func__]
    if kind is property:
        return [value.fget, value.fset, value.fdel]
    if kind in (functools.partial, functools.cached_property):
        return [value.func]
    if kind is functools._lru_cache_wrapper:
        return [vars(value).get("__wrapped__")]
    return []


def _content(cell: CellType) -> Any:
    try:
        content = cell.cell_contents
    except ValueError:  # empty: the variable isn't set yet
        return None
    return content if type(content) is FunctionType else None
