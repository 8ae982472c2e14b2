"""What stands above real servers' workers, from their own command lines."""

from __future__ import annotations

UVICORN = ("uvicorn", "plain:asgi", "--port", "{port}", "--log-level", "warning")
GUNICORN = ("gunicorn", "plain:wsgi", "-b", "127.0.0.1:{port}", "--log-level", "warning")
HYPERCORN = ("hypercorn", "plain:asgi", "-b", "127.0.0.1:{port}", "--log-level", "warning")
GRANIAN = ("granian", "plain:asgi", "--interface", "asgi", "--port", "{port}", "--log-level", "warning")
COMMANDS = {
    "alone": UVICORN,
    "reloads": (*UVICORN, "--reload"),
    "without_lifespan": (*UVICORN, "--lifespan", "off"),
    "uvicorn_workers": (*UVICORN, "--workers", "2"),
    "gunicorn_workers": (*GUNICORN, "-w", "2"),
    "hypercorn_workers": (*HYPERCORN, "-w", "2"),
    "granian_workers": (*GRANIAN, "--workers", "2"),
    "granian_that_respawns": (*GRANIAN, "--workers", "2", "--respawn-failed-workers"),
}
# Whether nothing restarts it or a container might is a matter of where this test runs.
ALONE = {"no-supervisor", "restart-policy"}
EXPECTED = {
    "alone": set(),
    "reloads": {"reload-in-production"},
    "without_lifespan": {"lifespan-off"},
    "uvicorn_workers": set(),
    "gunicorn_workers": set(),
    "hypercorn_workers": {"one-death-ends-all"},
    "granian_workers": {"one-death-ends-all"},
    "granian_that_respawns": set(),
}
WATCHED_OVER = {"uvicorn_workers", "gunicorn_workers", "granian_that_respawns"}


def test_each_way_to_serve_is_told_by_what_looks_after_it(start, checks) -> None:
    services = {name: start(name, *command) for name, command in COMMANDS.items()}
    workers = {name: 2 if "2" in command else 1 for name, command in COMMANDS.items()}
    for name, service in services.items():
        checks.wait_until(service.ask, name)
    checks.wait_until(lambda: all(checks.telling(name) == count for name, count in workers.items()), *workers)
    checks.wait_until(lambda: "lifespan-off" in checks.found("without_lifespan"), "without_lifespan")
    found = {name: set(checks.found(name)) for name in COMMANDS}
    assert {name: kinds - ALONE for name, kinds in found.items()} == EXPECTED
    assert {name for name in found if not found[name] & ALONE} - {"reloads"} == WATCHED_OVER
