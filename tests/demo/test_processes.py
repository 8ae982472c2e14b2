"""A demo leaves no process behind, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from heaptide_server.demo.processes import Process, free_port

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("up", flush=True)
time.sleep(60)
"""

PARENT = """
import sys, time
from pathlib import Path
from heaptide_server.demo.processes import Process
child = Process("child", [sys.executable, "-c", "import time; time.sleep(60)"], {}, Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(60)
"""


def gone(pids: list[int], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]:
            return True
        time.sleep(0.02)
    return False


def test_a_process_that_ignores_sigterm_ends_with_all_its_children(tmp_path: Path) -> None:
    process = Process("stubborn", [sys.executable, "-c", STUBBORN], {}, tmp_path / "log")
    deadline = time.monotonic() + 10
    while "up" not in process.last_words() and time.monotonic() < deadline:
        time.sleep(0.02)
    family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
    assert len(family) == 2
    process.stop(timeout_s=0.2)
    assert gone(family)


def test_a_child_goes_when_the_demo_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert gone([child])


def test_the_preferred_port_is_taken_only_where_it_is_free() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]
    free = free_port()
    assert free_port(free) == free
