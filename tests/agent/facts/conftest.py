"""What the tests of the agent's facts share: clocks set by hand, tracing that ends with the test, modules on disk."""

from __future__ import annotations

import importlib
import sys
import textwrap
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from heaptide.tracer.exact import ExactTracer
from heaptide.tracer.protocol import Look

Write = Callable[[str, str], ModuleType]
TakeLook = Callable[..., Look]


class Clock:
    """Seconds that pass only when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cost_clock() -> Clock:
    return Clock()


@pytest.fixture
def trees() -> Path:
    """Folders of /proc and /sys/fs/cgroup as kernels write them, of process 4711."""
    return Path(__file__).parent / "trees"


@pytest.fixture
def no_tracing() -> Iterator[None]:
    tracemalloc.stop()
    yield
    tracemalloc.stop()


@pytest.fixture
def tracer(no_tracing: None) -> Iterator[ExactTracer]:
    """An exact tracer that traces and may look as often as it likes."""
    tracer = ExactTracer(cpu_share=float("inf"))
    tracer.start()
    yield tracer
    tracer.stop()


@pytest.fixture
def take(tracer: ExactTracer) -> TakeLook:
    def look(most: int = 100_000, keep: frozenset[object] = frozenset()) -> Look:
        taken = tracer.take(survivor_age_s=60, most=most, keep=keep)
        assert taken is not None
        return taken

    return look


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module and imports it, as an application of its own folder."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    written = []

    def write_module(name: str, source: str) -> ModuleType:
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        written.append(name)
        return importlib.import_module(name)

    yield write_module
    for name in written:
        sys.modules.pop(name, None)
