"""Run by each Python at its start, as `heaptide run` has put this folder on PYTHONPATH. It steps aside for another
`sitecustomize`: the user's own, or the distribution's."""

from __future__ import annotations

import os
import sys


def _arm() -> None:
    try:
        from heaptide.hooks import install
    except ImportError:
        sys.stderr.write(f"heaptide run: {sys.executable} has no heaptide installed, so this process isn't watched\n")
    else:
        install()


def _make_way(folder: str) -> None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != folder]
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules["sitecustomize"])


_arm()
_make_way(os.path.dirname(os.path.abspath(__file__)))
