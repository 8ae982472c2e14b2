"""Knows what this process is to its server: one that serves, or one that only looks after others.

Read from the main thread's call stack, for that is the one thing a master can't share with the workers that it forks:
environment, arguments and imported modules are inherited.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Literal

from heaptide.frames import current_frames

Role = Literal["serves", "supervises", "unknown"]
Call = tuple[str, str]  # (module, function)

# Calls that a process which only looks after others stays in.
_SUPERVISORS = {
    ("uvicorn.supervisors.multiprocess", "run"),
    ("uvicorn.supervisors.basereload", "run"),
    ("django.utils.autoreload", "restart_with_reloader"),
    ("werkzeug._reloader", "restart_with_reloader"),
}
_GUNICORN = "gunicorn.arbiter"
_HYPERCORN = ("hypercorn.run", "run")
_HYPERCORN_WORKERS = {"asyncio_worker", "uvloop_worker", "trio_worker"}
_SERVERS = ("uvicorn", "hypercorn", "granian", "celery", "werkzeug", "wsgiref")
_DJANGO = ("django.core.management.commands.runserver", "django.utils.autoreload")


def main_calls() -> list[Call]:
    """The main thread's calls, outermost first."""
    thread = threading.main_thread()
    here = threading.current_thread() is thread
    frame = sys._getframe() if here else current_frames().get(thread.ident or 0)
    return list(_calls(frame))[::-1]


def _calls(frame: FrameType | None) -> Iterator[Call]:
    while frame is not None:
        yield frame.f_globals.get("__name__") or "", frame.f_code.co_name
        frame = frame.f_back


def role(calls: Sequence[Call], argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Role:
    """What this process does, as far as its main thread's calls tell.

    A gunicorn worker runs below its master's `spawn_worker`, since it was forked there; the app of a preloading
    master is imported above it.
    """
    if (_GUNICORN, "spawn_worker") in calls:
        return "serves"
    if any(module == _GUNICORN for module, _ in calls) or not _SUPERVISORS.isdisjoint(calls):
        return "supervises"
    # Without workers of its own hypercorn serves in the process that was started.
    if _HYPERCORN in calls and _HYPERCORN_WORKERS.isdisjoint(function for _, function in calls):
        return "supervises"
    return "supervises" if _reloads(argv, environ) else "unknown"


def _reloads(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether this is the parent of a development server's reloader, which imports the app as its child does."""
    if _is_development_server(argv):
        return environ.get("RUN_MAIN") != "true" and "--noreload" not in argv
    if not _is_flask_run(argv) or environ.get("WERKZEUG_RUN_MAIN") == "true" or "--no-reload" in argv:
        return False
    debugs = environ.get("FLASK_DEBUG", "0").lower() not in ("0", "false", "no", "")
    return "--reload" in argv or "--debug" in argv or (debugs and "--no-debug" not in argv)


def is_server(calls: Sequence[Call], argv: Sequence[str]) -> bool:
    """Whether this process, if it doesn't supervise, is one that a server imports the app in to serve it."""
    return _is_development_server(argv) or server_name(calls) not in (None, "celery")


def _is_development_server(argv: Sequence[str]) -> bool:
    """Whether this is Django's `manage.py runserver`."""
    return list(argv[1:2]) == ["runserver"]


def _is_flask_run(argv: Sequence[str]) -> bool:
    """Whether this is `flask run`, or `python -m flask run`."""
    program = os.path.normpath(argv[0]).split(os.sep)[-2:] if argv else []
    return (program[-1:] == ["flask"] or program == ["flask", "__main__.py"]) and "run" in argv[1:]


def is_celery_worker(calls: Sequence[Call], argv: Sequence[str]) -> bool:
    """Whether this is `celery worker`, whatever its pool."""
    return "worker" in argv[1:] and any(module.partition(".")[0] == "celery" for module, _ in calls)


def server_name(calls: Sequence[Call]) -> str | None:
    """The server that runs this process, as "uvicorn" or "gunicorn:sync"; None where its calls don't tell."""
    for index, (module, function) in enumerate(calls):
        if module == "gunicorn.workers.base" and function == "init_process":
            return f"gunicorn:{_worker_kind(calls[index + 1 :])}"
    packages = [module.partition(".")[0] for module, _ in calls]
    if "gunicorn" in packages:
        return "gunicorn"
    if any(module in _DJANGO for module, _ in calls):
        return "django"
    return next((name for name in packages if name in _SERVERS), None)


def _worker_kind(calls: Sequence[Call]) -> str:
    module = next((module for module, function in calls if function == "run"), "")
    package, _, name = module.rpartition(".")
    if package == "gunicorn.workers":
        return "asgi" if name == "gasgi" else name
    return module.partition(".")[0] or "unknown"
