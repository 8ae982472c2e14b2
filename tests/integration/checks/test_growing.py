"""What grows, and what isn't closed: a service that has each of the faults, and one that looks like it."""

from __future__ import annotations

import time

UVICORN = ("--port", "{port}", "--log-level", "warning")
GUNICORN = ("-b", "127.0.0.1:{port}", "-k", "uvicorn_worker.UvicornWorker", "-w", "2", "--log-level", "warning")
GROWING = {"clients-not-closed", "clients-per-request", "unbounded-cache", "metric-labels", "open-files"}


def test_a_service_with_the_faults_is_told_from_one_that_looks_like_it(start, checks) -> None:
    faulty = start("faulty", "uvicorn", "faulty_asgi:app", *UVICORN)
    sound = start("sound", "gunicorn", "sound_asgi:app", *GUNICORN)
    deadline, served, looked_at = time.monotonic() + 90, 0, 0
    while served < 150 or not checks.found("faulty").keys() >= GROWING:
        assert time.monotonic() < deadline, (served, checks.found("faulty"))
        for _ in range(10):
            served += faulty.ask()
            looked_at += sound.ask() + sound.ask()
            time.sleep(0.01)  # so that the load lasts for several reports
    while checks.telling("sound") < 2 or looked_at < 300:
        assert time.monotonic() < deadline, looked_at
        looked_at += sound.ask()
    found = checks.found("faulty")
    assert "no-shutdown" in found
    assert found.keys() & {"no-supervisor", "restart-policy"}  # by where this test runs
    assert checks.found("sound") == {}
    (made,) = [one for one in checks.findings("faulty") if one["kind"] == "clients-per-request"]
    assert any(line.startswith("rates (faulty_asgi.py:") for line in made["evidence"]), made
