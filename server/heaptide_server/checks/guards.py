"""What starts a worker again when it dies: a server's master, systemd, a supervisor, a container's runtime."""

from __future__ import annotations

from typing import Literal

from heaptide_server.checks.finding import WorkerFacts
from heaptide_server.checks.reading import flag, number, rows, text, told

# Programs that start again what ends, by their process's name. honcho and its like aren't among them: they end with it.
_WATCHMEN = ("supervisord", "circusd", "runsv", "s6-supervise", "pm2", "PM2")
_MASTERS = ("gunicorn", "celery")  # fork or start their workers anew

# Of systemd's values of Restart=, those that start a service again after a crash: systemd.service(5), table 1.
_RESTARTING = ("always", "on-failure", "on-abnormal", "on-abort")

# Where a person starts the service by hand, and ends it.
DEVELOPMENT = ("dev", "development", "local", "localhost", "test", "testing")

Guard = Literal["restarts", "nothing", "unknown"]


UNKNOWN = "the process"


def server_of(one: WorkerFacts) -> str:
    """The server's name, `UNKNOWN` where there is none, as in a script."""
    return text(told(one, "supervisor"), "server") or (one.worker.identity.server or UNKNOWN).partition(":")[0]


def guard_of(one: WorkerFacts) -> tuple[Guard, str]:
    """Whether something starts this worker again when it dies, and what."""
    if not told(one, "supervisor"):
        return "unknown", "its supervisor isn't known"
    return ("restarts", f"{server_of(one)} starts workers anew") if master_restarts(one) else outside(one)


def master_restarts(one: WorkerFacts) -> bool:
    """Whether the server itself, at once, starts a worker anew that ended."""
    facts, server = told(one, "supervisor"), server_of(one)
    if flag(facts, "reload") and server == "uvicorn":
        return False
    several = (number(facts, "workers") or 1) > 1
    return server in _MASTERS or (server == "uvicorn" and several) or (server == "granian" and respawns(one))


def reloads(one: WorkerFacts) -> bool:
    """Whether a reloader starts it anew when a source file changes."""
    facts = told(one, "supervisor")
    return bool(flag(facts, "reload")) or any(flag(row, "reload") for row in rows(facts, "ancestors"))


def respawns(one: WorkerFacts) -> bool:
    """Whether granian was told to start failed workers anew."""
    return flag(told(one, "supervisor"), "respawns") is True


def outside(one: WorkerFacts) -> tuple[Guard, str]:
    """Whether something outside of the server starts it again when it ends as a whole, and what."""
    facts = told(one, "supervisor")
    watchman = next((name for row in rows(facts, "ancestors") if (name := _watchman(row))), None)
    if watchman:
        return "restarts", f"{watchman} starts it again"
    container, unit, policy = text(facts, "container"), text(facts, "unit"), text(facts, "restart")
    if container == "kubernetes":
        return "restarts", "Kubernetes starts the container again"
    if container:
        return "unknown", f"{container} starts it again only if its restart policy says so, which can't be seen inside"
    if unit and policy is None:
        return "unknown", f"the files of {unit} can't be read"
    if unit:
        return "restarts" if policy in _RESTARTING else "nothing", f"{unit} has Restart={policy}"
    return "nothing", _started_by(one)


def _watchman(ancestor: dict[str, object]) -> str | None:
    known = [text(ancestor, "program"), (text(ancestor, "name") or "").partition(" ")[0]]
    return next((name for name in known if name in _WATCHMEN), None)


def _started_by(one: WorkerFacts) -> str:
    chain = [text(row, "program") or text(row, "name") for row in rows(told(one, "supervisor"), "ancestors")]
    shown = ", below ".join(name for name in chain[:3] if name)
    return f"it runs below {shown}" if shown else "no process stands above it"
