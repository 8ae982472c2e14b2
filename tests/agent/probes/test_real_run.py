"""One real process on this machine: what its probes tell is what the kernel says of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from heaptide.cgroups import Groups

PROGRAM = """
import json, os, sys, threading
from heaptide.gate import Gate
from heaptide.probes import Probes, all_probes

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
for _ in range(3):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
files = [open(os.devnull) for _ in range(40)]
gate = Gate()
probes = Probes(all_probes(gate, lambda file: (file, True), ask_database=False), gate)
told = {name: json.loads(text) for name, text in probes.take({}, 0, anew=True).items()}
print(json.dumps(told | {"errors": gate.errors}), flush=True)
sys.stdin.read()  # stays as it is while the kernel is asked
"""


class Run(NamedTuple):
    """A process, and what its probes told."""

    pid: int
    told: dict[str, Any]

    def status(self, name: str) -> str:
        """A line of its /proc/PID/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith(f"{name}:"))


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield Run(process.pid, json.loads(process.stdout.readline()))
        process.communicate()


def test_no_probe_fails(run: Run) -> None:
    assert run.told["errors"] == 0


def test_its_threads_and_files_are_those_that_the_kernel_counts(run: Run) -> None:
    assert run.told["cpu"]["threads"] == int(run.status("Threads"))
    assert run.told["cpu"]["python_threads"] == 5  # its own, three, and the watch
    opened = len(os.listdir(f"/proc/{run.pid}/fd"))
    assert run.told["files"]["last"] in (opened, opened + 1)  # beside the list's own; the watch may since have its own
    assert run.told["files"]["kinds"]["device"] >= 40


def test_its_cpus_are_those_that_it_may_run_on(run: Run) -> None:
    assert run.told["cpu"]["affinity_cpus"] == 1
    assert run.told["cpu"]["os_cpus"] == os.cpu_count()
    allowed = run.told["cpu"]["cpuset_cpus"]
    assert allowed is None or 1 <= allowed <= (os.cpu_count() or 1)


def test_its_ancestors_are_this_test_and_who_started_it(run: Run) -> None:
    first, *others = run.told["supervisor"]["ancestors"]
    assert first["pid"] == os.getpid()
    assert first["name"] == Path("/proc/self/comm").read_text().strip()
    assert [other["pid"] for other in others[:1]] == [os.getppid()][: len(others)]


def test_its_kills_are_those_of_its_control_group(run: Run) -> None:
    counts = [
        folder.counts("memory.oom_control" if folder.version == 1 else "memory.events")
        for folder in Groups("/proc", "/sys/fs/cgroup", run.pid).folders("memory")
    ]
    expected = next((one["oom_kill"] for one in counts if "oom_kill" in one), None)
    assert run.told["supervisor"]["oom_kills"] == expected
