"""Real control groups on this machine: what a quota and a limit do to real workers, and what is told of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from heaptide.cgroups import Groups

MIB = 2**20
PERIOD_US = 100_000
GUNICORN = ("plain:wsgi", "-b", "127.0.0.1:{port}", "--log-level", "critical")
UVICORN = ("plain:asgi", "--port", "{port}", "--log-level", "warning")
MakeGroup = Callable[..., list[str]]


class Group:
    """A group below this process's own, so that the limits above hold for it too.

    Args:
        controller: cpu or memory.
        limit: bytes, or CPUs' worth of time.
    """

    def __init__(self, controller: str, limit: float) -> None:
        own = next(folder for folder in Groups("/proc", "/sys/fs/cgroup", None).folders(controller) if _exists(folder))
        self.path = Path(own.path, f"heaptide-test-{os.getpid()}-{time.monotonic_ns()}")
        self.path.mkdir()
        for name, text in _files(controller, limit, own.version).items():
            (self.path / name).write_text(text)

    @property
    def join(self) -> list[str]:
        """What is written before a command to have it run in here."""
        return ["sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh"]

    def remove(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            for pid in (self.path / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            try:
                self.path.rmdir()
            except OSError:  # its processes aren't gone yet
                assert time.monotonic() < deadline, f"{self.path} can't be removed"
                time.sleep(0.05)
            else:
                return


def _exists(folder) -> bool:
    return os.path.exists(os.path.join(folder.path, "cgroup.procs"))


def _files(controller: str, limit: float, version: int) -> dict[str, str]:
    if controller == "memory":
        return {"memory.max" if version == 2 else "memory.limit_in_bytes": str(int(limit))}
    if version == 2:
        return {"cpu.max": f"{int(limit * PERIOD_US)} {PERIOD_US}"}
    return {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(int(limit * PERIOD_US))}


@pytest.fixture
def within() -> Iterator[MakeGroup]:
    """Makes a group; the words that have a command run in it."""
    groups: list[Group] = []

    def make(controller: str, limit: float) -> list[str]:
        try:
            groups.append(Group(controller, limit))
        except (OSError, StopIteration) as error:
            pytest.skip(f"no control group for {controller} can be made here: {error!r}")
        return groups[-1].join

    yield make
    for group in groups:
        group.remove()


def test_a_worker_that_the_kernel_killed_for_its_memory_is_told_from_one_that_was_killed(start, checks, within) -> None:
    hoards = start("hoards", "gunicorn", *GUNICORN, before=within("memory", 160 * MIB))
    start("killed", "gunicorn", *GUNICORN, before=within("memory", 160 * MIB))
    checks.wait_until(lambda: checks.telling("hoards") == checks.telling("killed") == 1, "hoards", "killed")
    (pid,) = [worker["pid"] for worker in checks.workers("killed")]
    os.kill(pid, signal.SIGKILL)
    threading.Thread(target=hoards.ask, args=("/hoard", 20.0)).start()
    # Until it is missed, the one that hoarded may be told as one that nearly fills its limit.
    checks.wait_until(lambda: checks.found("hoards") == {"worker-out-of-memory": "critical"}, "hoards")
    checks.wait_until(lambda: checks.found("killed") == {"worker-died": "warning"}, "killed")
    (finding,) = checks.findings("hoards")
    assert finding["title"] == ("A worker was killed for want of memory in the last 24 h under a limit of 160 MiB.")
    assert "the kernel's count of out-of-memory kills rose by 1" in finding["evidence"][0]


def test_a_worker_that_nearly_fills_its_limit_is_told_from_one_with_room(start, checks, within) -> None:
    for name, held_mib in (("full", "215"), ("roomy", "60")):
        start(name, "python", "limited.py", "holds", before=within("memory", 256 * MIB), HOLD_MIB=held_mib)
    checks.wait_until(lambda: checks.found("full") and checks.telling("roomy"), "full", "roomy")
    assert checks.found("full").keys() == {"memory-overcommitted"}
    assert "memory limit of 256 MiB" in checks.findings("full")[0]["title"]
    assert checks.found("roomy") == {}


def test_workers_and_threads_are_held_against_a_real_quota_and_what_it_takes_from_them(start, checks, within) -> None:
    start("hungry", "python", "limited.py", "burns", before=within("cpu", 0.3), BURN_SHARE="1")
    start("modest", "python", "limited.py", "burns", before=within("cpu", 0.3), BURN_SHARE="0.05")
    start("many", "uvicorn", *UVICORN, "--workers", "4", before=within("cpu", 0.5))
    start("fitting", "uvicorn", *UVICORN, "--workers", "2", before=within("cpu", 1.0))
    start("threads", "python", "limited.py", "numpy", before=within("cpu", 0.2))
    start("one_thread", "python", "limited.py", "numpy", before=within("cpu", 0.2), OPENBLAS_NUM_THREADS="1")
    faults = {"hungry": "cpu-throttled", "many": "too-many-workers", "threads": "oversized-pools"}
    sound = {"modest": 1, "fitting": 2, "one_thread": 1}
    if (os.cpu_count() or 1) < 2:  # then no quota is far below what there seems to be
        faults = {"hungry": "cpu-throttled"}
    checks.wait_until(lambda: all(kind in checks.found(name) for name, kind in faults.items()), *faults)
    checks.wait_until(lambda: all(checks.telling(name) == workers for name, workers in sound.items()), *sound)
    assert checks.found("hungry") == {"cpu-throttled": "warning"}
    assert checks.found("modest") == {}
    # Its start-up may have taken more than it may take.
    assert checks.found("fitting").keys() | checks.found("one_thread").keys() <= {"cpu-throttled"}
