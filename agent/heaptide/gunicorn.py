"""Hooks for gunicorn's configuration, so that the app needs no change, with and without --preload.

In gunicorn.conf.py: `from heaptide.gunicorn import post_fork, post_worker_init`.
"""

from __future__ import annotations

from typing import Any

from heaptide.lifecycle import AGENT


def post_fork(_server: Any, _worker: Any) -> None:
    """Begins to trace in a new worker, before it imports the app."""
    AGENT.arm()


def post_worker_init(worker: Any) -> None:
    """Puts the counter around the app that a worker has loaded, and starts the agent."""
    name = "asgi" if getattr(worker, "asgi", None) is not None else "wsgi"
    module = str(getattr(worker.app, "app_uri", None) or "__main__").partition(":")[0]
    setattr(worker, name, AGENT.start(getattr(worker, name), {}, module))
