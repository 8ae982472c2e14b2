"""Heaptide's agent: samples allocations and counts objects in the process that imports it.

Everything behind these functions is imported when it is first needed: `import heaptide` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself would cost more than all the rest of this file
if TYPE_CHECKING:
    from typing import Any, TypeVar

    App = TypeVar("App")

__version__ = "0.1.0"
__all__ = ["count_request", "mark", "snapshot", "start", "status", "stop"]


def start(
    app: App = None,  # type: ignore[assignment] # no app is an app of type None
    *,
    service: str | None = None,
    collector: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    token: str | None = None,
    interval_s: float | None = None,
    tracer: str | None = None,
    sample_bytes: int | None = None,
    frames: int | None = None,
    ca_file: str | None = None,
    ask_database: bool | None = None,
    source: bool | None = None,
    enabled: bool | None = None,
) -> App:
    """Starts the agent in the process that serves; in a master or a reloader it waits for the fork.

    Call it once where the app is made; again does no harm. It raises nothing, touches no network and takes less than a
    millisecond. Without a collector it logs one line and does nothing. Every argument has an environment variable,
    `HEAPTIDE_SERVICE` and so on, which holds where the argument isn't given.

    Args:
        app: an ASGI or WSGI app whose requests are counted, and whose shutdown sends the last report; or a Celery
            app, whose tasks are counted.
        service: name of the service; else the app's package.
        collector: the collector's URL.
        environment: "production" where not set.
        release: the release; else git's HEAD.
        token: the collector's ingest token.
        interval_s: seconds between two reports, 30 where not set, at least 0.5.
        tracer: "auto", "sampling", "exact" or "off".
        sample_bytes: mean bytes between two samples.
        frames: stack frames kept of each allocation.
        ca_file: certificates to trust for an https collector.
        ask_database: True lets it ask each database once how many connections it allows.
        source: True sends a few lines of the service's own source around a leak with what holds it.
        enabled: False keeps the agent off.

    Returns:
        The app to serve: the same object for FastAPI, Starlette, Litestar, Flask, Quart and Celery; a wrapper for any
        other. What is no app is handed back as it is, with a line in the log.
    """
    import sys

    from heaptide.lifecycle import AGENT

    arguments: dict[str, object] = {
        "service": service,
        "collector": collector,
        "environment": environment,
        "release": release,
        "token": token,
        "interval_s": interval_s,
        "tracer": tracer,
        "sample_bytes": sample_bytes,
        "frames": frames,
        "ca_file": ca_file,
        "ask_database": ask_database,
        "source": source,
        "enabled": enabled,
    }
    watched: App = AGENT.start(app, arguments, sys._getframe(1).f_globals.get("__name__") or "__main__")
    return watched


def stop(timeout_s: float = 2.0) -> None:
    """Sends the last report and ends tracing, until `start` is called again.

    Args:
        timeout_s: the longest that this may take.
    """
    from heaptide.lifecycle import AGENT

    AGENT.stop(timeout_s)


def status() -> dict[str, Any]:
    """Tells how the agent fares in this process: running, state, tracer, requests, acknowledged (the last sequence
    number that the collector has), waiting and dropped reports, errors swallowed, and its own cost.
    """
    from heaptide.lifecycle import AGENT

    return AGENT.status()


def count_request(n: int = 1) -> None:
    """Counts work that is no ASGI or WSGI request: a job, a message.

    Args:
        n: how many.
    """
    from heaptide.lifecycle import AGENT

    AGENT.count(n)


def mark(kind: str, text: str = "") -> None:
    """Puts an event on the charts, such as a deploy.

    Args:
        kind: "deploy", or a word of yours.
        text: one line for people.
    """
    from heaptide.lifecycle import AGENT

    AGENT.mark(kind, text)


def snapshot() -> None:
    """Asks for a report with a fresh look at once, whatever the interval says."""
    from heaptide.lifecycle import AGENT

    AGENT.snapshot()
