"""Fixtures around the sampler: it is the process's, so each test starts it and stops it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

try:
    from heaptide.tracemalloc_ng import _sampler
except ImportError:
    # test_built.py says so; no other test here can even be imported.
    collect_ignore_glob = ["test_[!b]*.py"]

# Every block of 16 bytes or more is sampled at this interval (odds 1 - exp(-16)), and no budget is passed.
EVERY_BLOCK = 1
NO_LIMIT = 1e12
ROOMY = 1 << 28


class Sample(NamedTuple):
    """`ht_sample_row` in look.c."""

    address: int
    size: int
    interval: float
    ordinal: int
    key: int
    age_s: float


class Sampling:
    """Starts the sampler as a test wants it, and reads its samples."""

    def start(
        self, interval: float = EVERY_BLOCK, *, frames: int = 8, rate: float = NO_LIMIT, table_bytes: int = ROOMY
    ) -> None:
        _sampler.start(frames, interval, rate, table_bytes)

    def samples(self) -> dict[int, Sample]:
        rows = struct.iter_unpack("=QQdQQd", _sampler.samples())
        return {row[0]: Sample._make(row) for row in rows}

    def stack_of(self, address: int) -> list[tuple[str, int]]:
        """(function, line) of the frames of a sampled block, allocation first."""
        frames = _sampler.frames(self.samples()[address].key)
        assert frames is not None
        return [(function, line) for _file, function, line in frames]


@pytest.fixture
def sampling() -> Iterator[Sampling]:
    yield Sampling()
    _sampler.stop()


Run = Callable[..., str]


@pytest.fixture
def run() -> Run:
    """Runs a script in a process of its own and returns what it printed; a crash fails the test."""

    def run_script(script: str, *options: str, prefix: tuple[str, ...] = (), timeout_s: float = 100, **env: str) -> str:
        command = [*prefix, sys.executable, "-X", "faulthandler", *options, "-c", script]
        done = subprocess.run(
            command, env={**os.environ, **env}, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    return run_script
