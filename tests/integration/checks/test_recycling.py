"""Real servers that recycle their workers or don't, beside a leak that is open."""

from __future__ import annotations

import time
from dataclasses import replace

from heaptide_server.alerts.sample import sample_pair
from heaptide_server.leaks.ledger import Changes, Ledger
from heaptide_server.model import Advice

GUNICORN = ("plain:wsgi", "-b", "127.0.0.1:{port}", "--log-level", "critical")
UVICORN = ("plain:asgi", "--port", "{port}", "--log-level", "warning", "--workers", "2")
GRANIAN = ("plain:asgi", "--interface", "asgi", "--port", "{port}", "--log-level", "warning", "--workers", "2")
LIMIT, SHARE = ("--limit-max-requests", "100000"), ("--workers-max-rss", "500", "--respawn-failed-workers")
KEPT = {
    "gunicorn_keeps": ("gunicorn", *GUNICORN),
    "uvicorn_keeps": ("uvicorn", *UVICORN),
    "granian_keeps": ("granian", *GRANIAN, "--respawn-failed-workers"),
}
RECYCLED = {
    "gunicorn_recycles": ("gunicorn", *GUNICORN, "--max-requests", "100000"),
    "uvicorn_recycles": ("uvicorn", *UVICORN, *LIMIT),
    "granian_recycles": ("granian", *GRANIAN, *SHARE),
}


def test_workers_that_live_for_ever_beside_a_leak_are_told_from_recycled_ones(start, checks, tmp_path) -> None:
    now = time.time()
    sample = sample_pair(now)[0].leak
    ledger = Ledger(tmp_path / "heaptide.db")
    for name, command in (KEPT | RECYCLED).items():
        leak = replace(sample, id=name, service=name, environment="production", advice=Advice(12_000, 1_800, "recycle"))
        ledger.update(name, "production", now, lambda _, leak=leak: Changes([leak], [], []))
        start(name, *command)
    checks.wait_until(lambda: all("no-recycling" in checks.found(name) for name in KEPT), *KEPT)
    checks.wait_until(lambda: all(checks.telling(name) for name in RECYCLED), *RECYCLED)
    assert not any("no-recycling" in checks.found(name) for name in RECYCLED)
    fixes = {name: finding["fix"] for name in KEPT for finding in checks.findings(name)}
    assert "gunicorn --max-requests 12000 --max-requests-jitter 1800" in fixes["gunicorn_keeps"]
    assert "uvicorn --limit-max-requests 12000 --limit-max-requests-jitter 1800" in fixes["uvicorn_keeps"]
    assert "granian --workers-max-rss" in fixes["granian_keeps"]
