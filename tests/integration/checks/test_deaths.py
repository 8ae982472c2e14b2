"""How real workers of gunicorn end: each way is told for what it is."""

from __future__ import annotations

import os
import signal
import threading

GUNICORN = ("plain:wsgi", "-b", "127.0.0.1:{port}", "--log-level", "critical")


def test_workers_that_were_killed_or_hung_are_told_from_those_that_were_asked_to_end_or_work(start, checks) -> None:
    alive = {"killed": 2, "asked": 2, "hung": 1, "works": 1}
    services = {
        name: start(name, "gunicorn", *GUNICORN, "-w", str(workers), "--timeout", "3")
        for name, workers in alive.items()
    }
    checks.wait_until(lambda: all(checks.telling(name) == workers for name, workers in alive.items()), *alive)
    os.kill(checks.workers("killed")[0]["pid"], signal.SIGKILL)
    os.kill(checks.workers("asked")[0]["pid"], signal.SIGTERM)
    threading.Thread(target=services["hung"].ask, args=("/hang", 20.0)).start()
    checks.wait_until(lambda: checks.found("killed") == {"worker-died": "warning"}, "killed")
    checks.wait_until(lambda: checks.found("hung") == {"worker-hung": "critical"}, "hung")
    checks.wait_until(lambda: len(checks.workers("asked")) == 3 and checks.telling("asked") == 2, "asked")
    assert services["works"].ask()
    assert checks.found("asked") == checks.found("works") == {}


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
