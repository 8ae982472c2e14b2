"""The main job, as a user sees it: the leak is found at its line, and nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest

COMMAND = [sys.executable, "-m", "heaptide", "demo"]


def family_of(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def wait_for(condition, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_leak_is_found_at_its_line_and_nothing_else_is_accused():
    environment = os.environ | {"COLUMNS": "200"}
    # A minute more than it takes on a quiet machine: tests run on loaded ones.
    ended = subprocess.run([*COMMAND, "--seconds", "150"], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"Leak found +shop/quotes.py:\d+ in remember", ended.stdout)
    assert re.search(r"\+[\d.]+ MiB per hour", ended.stdout)
    assert re.search(r"\+[\d,]+ bytes per request", ended.stdout)
    assert re.search(r"http://127.0.0.1:\d+/leaks/\w+", ended.stdout)
    assert '"type": "leak.firing"' in ended.stdout


@pytest.mark.timeout(90)
def test_ctrl_c_ends_it_cleanly_and_leaves_no_process_behind():
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        # The demo, its collector, gunicorn's master and two workers.
        assert wait_for(lambda: len(family_of(demo.pid)) >= 5, within_s=30)
        family = family_of(demo.pid)
        demo.send_signal(signal.SIGINT)
        output = demo.communicate(timeout=30)[0]
    assert demo.returncode == 0, output
    assert "Traceback" not in output
    assert wait_for(lambda: not any(process.is_running() for process in family), within_s=5)


@pytest.mark.timeout(90)
def test_when_it_is_killed_itself_all_it_started_goes_too():
    with subprocess.Popen(COMMAND, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as demo:
        assert wait_for(lambda: len(family_of(demo.pid)) >= 5, within_s=30)
        family = family_of(demo.pid)
        demo.kill()
    assert wait_for(lambda: not any(process.is_running() for process in family), within_s=15)
