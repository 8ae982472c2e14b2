"""Watches a server that doesn't know of the agent: what `heaptide run` installs in each Python that it starts.

Servers are recognised when they import their own modules, so nothing of them is imported for our sake.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from heaptide.patches import PATCHES

RUN_PID = "HEAPTIDE_RUN_PID"  # the process that the command was run as: a script in it is watched from its start
SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "granian", "celery", "fastapi"})
HELPERS = frozenset({"pip", "compileall", "venv", "ensurepip", "py_compile", "heaptide"})
_OPTIONS_WITH_VALUE = ("-X", "-W", "--check-hash-based-pycs")


def install() -> None:
    """Waits for servers to be imported; starts at once in a plain script."""
    sys.meta_path.insert(0, AfterImport(dict(PATCHES)))
    if is_script(sys.orig_argv, os.environ, os.getpid()):
        from heaptide.lifecycle import AGENT

        AGENT.start(None, {}, "__main__")


def is_script(argv: Sequence[str], environ: Mapping[str, str], pid: int) -> bool:
    """Whether this process is the command itself, or a reloader's child for it, and a plain script.

    Args:
        argv: the interpreter's arguments, itself first.
        environ: its environment.
        pid: its number.
    """
    reloaded = "true" in (environ.get("RUN_MAIN"), environ.get("WERKZEUG_RUN_MAIN"))
    if environ.get(RUN_PID) != str(pid) and not reloaded:
        return False
    return program(argv) not in SERVERS | HELPERS


def program(argv: Sequence[str]) -> str:
    """What an interpreter runs: a module's package, a script's name without its suffix, or ""."""
    rest = list(argv[1:])
    while rest:
        word = rest.pop(0)
        if word == "-m" and rest:
            return rest[0].partition(".")[0]
        if word in _OPTIONS_WITH_VALUE and rest:
            rest.pop(0)
        elif not word.startswith("-"):
            return os.path.splitext(os.path.basename(word))[0]
        elif word == "-c":
            return ""
    return ""


class AfterImport:
    """A finder of `sys.meta_path` that calls a function after a module was imported.

    Args:
        then: for a module's name, what to call with it, once.
    """

    def __init__(self, then: dict[str, Callable[[ModuleType], None]]) -> None:
        self._then = then

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Finds what the next finder would, and follows its import."""
        if name not in self._then:
            return None
        then = self._then.pop(name)
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            execute = loader.exec_module

            def exec_module(module: ModuleType) -> None:
                del loader.exec_module  # the loader stays with the module: leave it as it was
                execute(module)
                then(module)

            loader.exec_module = exec_module
        return spec
