"""Recorded trees of /proc and /sys/fs/cgroup, and modules on disk."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from heaptide.probes import Seen

Write = Callable[[str, str], ModuleType]


@pytest.fixture
def trees() -> Path:
    """Of each place a worker runs in: proc, cgroup and root as they are there; the worker is process 4711."""
    return Path(__file__).parent / "trees"


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module and imports it, as an application of its own folder."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written = []

    def write_module(name: str, source: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        written.append(name)
        return importlib.import_module(name)

    yield write_module
    for name in written:
        sys.modules.pop(name, None)
