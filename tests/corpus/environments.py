"""Virtual environments with a case's exact pins and this tree's agent, kept under build/corpus for the next run."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import tomllib
from tests.corpus.cases import ROOT

BUILD = ROOT / "build" / "corpus"
_ONE_AT_A_TIME = threading.Lock()  # programs share environments, and all of them the agent's wheel
_SOURCES = ("setup.py", "pyproject.toml", "agent/heaptide/**/*.py", "agent/heaptide/**/*.[ch]")


class UninstallableError(Exception):
    """What pip said when a case's pins, or the agent, couldn't be installed."""


def python_for(pins: Path | None) -> Path:
    """The interpreter of an environment with these pins and the agent; made where it isn't there yet.

    Raises:
        UninstallableError: pip refused.
    """
    with _ONE_AT_A_TIME:
        return _python_for(pins)


def _python_for(pins: Path | None) -> Path:
    text = pins.read_text() if pins else ""
    folder = BUILD / f"{pins.parent.name if pins else 'calm'}-{_digest([text.encode(), sys.version.encode()])}"
    python = folder / "bin" / "python"
    if not (folder / "pins").exists():
        _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)])
        _pip(python, *(["--requirement", str(pins)] if pins else []), *_needs())
        (folder / "pins").write_text(text)
    wheel = agent_wheel()
    installed = folder / "agent"
    if not installed.exists() or installed.read_text() != wheel.parent.name:
        _pip(python, "--no-deps", "--force-reinstall", str(wheel))
        installed.write_text(wheel.parent.name)
    return python


def agent_wheel() -> Path:
    """A wheel of this tree with the sampler in it; built anew when the agent has changed.

    Raises:
        UninstallableError: it can't be built.
    """
    files = sorted(path for pattern in _SOURCES for path in ROOT.glob(pattern))
    folder = BUILD / f"agent-{_digest(path.read_bytes() for path in files)}"
    if not list(folder.glob("*.whl")):
        command = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
        _run([sys.executable, "-m", "pip", *command], {"HEAPTIDE_REQUIRE_NATIVE": "1"})
    return next(folder.glob("*.whl"))


def _needs() -> list[str]:
    """What the agent itself depends on."""
    needs: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    return needs


def _pip(python: Path, *words: str) -> None:
    # This project's own pip installs there: a pip in each environment would take longer than most pins.
    _run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", *words])


def _run(command: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=os.environ | (environment or {}), capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "ERROR" in line or "error" in line]
        raise UninstallableError(errors[-1] if errors else done.stderr[-300:])


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:12]
