"""Fixtures around the walker: what it walks is a process of its own, so that nothing of pytest's is in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

try:
    from heaptide.heap import _walker  # noqa: F401
except ImportError:
    # test_built.py says so; the others are of no use then.
    collect_ignore_glob = ["test_[!b]*.py"]

HOLDERS = Path(__file__).parents[2] / "targets" / "holders"

Run = Callable[..., Any]


@pytest.fixture
def run() -> Run:
    """Runs a script in a process of its own and returns what it printed, as JSON; a crash fails the test."""

    def run_script(script: str, *arguments: str, timeout_s: float = 60, **env: str) -> Any:
        command = [sys.executable, "-X", "faulthandler", "-c", script, *arguments]
        return _output(command, timeout_s=timeout_s, cwd=None, env=env)

    return run_script


@pytest.fixture
def target() -> Run:
    """Runs a target of tests/targets/holders and returns what the walk found there."""

    def run_target(name: str, **env: str) -> Any:
        return _output([sys.executable, "-X", "faulthandler", "run.py", name], timeout_s=60, cwd=HOLDERS, env=env)

    return run_target


def _output(command: list[str], *, timeout_s: float, cwd: Path | None, env: dict[str, str]) -> Any:
    done = subprocess.run(
        command, env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return json.loads(done.stdout)
