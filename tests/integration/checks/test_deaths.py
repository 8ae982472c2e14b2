"""How real workers of gunicorn end: each way is told for what it is."""

from __future__ import annotations

import os
import signal
import threading

GUNICORN = ("plain:wsgi", "-b", "127.0.0.1:{port}", "--log-level", "critical")


def test_a_worker_that_was_killed_is_told_and_one_that_was_asked_to_end_is_not(start, checks) -> None:
    for name in ("killed", "asked"):
        start(name, "gunicorn", *GUNICORN, "-w", "2")
    checks.wait_until(lambda: checks.telling("killed") == checks.telling("asked") == 2, "killed", "asked")
    os.kill(checks.workers("killed")[0]["pid"], signal.SIGKILL)
    os.kill(checks.workers("asked")[0]["pid"], signal.SIGTERM)
    checks.wait_until(lambda: checks.found("killed") == {"worker-died": "warning"}, "killed")
    checks.wait_until(lambda: len(checks.workers("asked")) == 3 and checks.telling("asked") == 2, "asked")
    assert checks.found("asked") == {}


def test_a_worker_that_holds_the_gil_until_its_master_kills_it_has_hung(start, checks) -> None:
    hung, busy = (start(name, "gunicorn", *GUNICORN, "--timeout", "3") for name in ("hung", "busy"))
    checks.wait_until(lambda: checks.telling("hung") == checks.telling("busy") == 1, "hung", "busy")
    threading.Thread(target=hung.ask, args=("/hang", 20.0)).start()
    checks.wait_until(lambda: checks.found("hung") == {"worker-hung": "critical"}, "hung")
    assert busy.ask()
    assert checks.found("busy") == {}


def test_workers_that_die_young_are_a_crash_loop_and_recycled_ones_live_too_short(start, checks) -> None:
    start("crashes", "gunicorn", *GUNICORN, LIFE_S="2")
    recycled = start("recycled", "gunicorn", *GUNICORN, "--max-requests", "10")
    lasting = start("lasting", "gunicorn", *GUNICORN, "--max-requests", "100000")
    checks.wait_until(lambda: recycled.ask() and lasting.ask() and checks.found("recycled"), "recycled")
    checks.wait_until(lambda: "crash-loop" in checks.found("crashes"), "crashes")
    assert checks.found("recycled") == {"recycled-too-often": "warning"}
    assert checks.found("crashes")["crash-loop"] == "critical"
    assert "recycled-too-often" not in checks.found("crashes")
    assert checks.found("lasting") == {}
