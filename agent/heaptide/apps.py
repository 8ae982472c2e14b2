"""Tells what was handed to `heaptide.start`, and puts the counter where it fits: in the app's own object if it can."""

from __future__ import annotations

import inspect
import sys
from functools import partial
from typing import Any, Literal, NamedTuple

from heaptide.gate import LOG
from heaptide.middleware import CountingASGI, CountingWSGI, Watcher

Interface = Literal["asgi", "wsgi"]
NO_APP = (
    "heaptide.start: %s is neither an ASGI nor a WSGI app, so its requests aren't counted; hand over the app that your "
    "server serves, or count work with heaptide.count_request()"
)


class Watched(NamedTuple):
    """An app with its counter.

    Attributes:
        app: what to serve.
        tells: its own events say when this process begins to serve; else nothing does but this call.
    """

    app: Any
    tells: bool


def watch(app: Any, watcher: Watcher) -> Watched:
    """Puts the counter around an app. What isn't an app is told in a log line, and left as it is.

    Returns:
        The app to serve: the same object for FastAPI, Starlette, Litestar, Flask, Quart and Celery; else a wrapper.
    """
    if isinstance(app, (CountingASGI, CountingWSGI)):
        return Watched(app, isinstance(app, CountingASGI))
    for name, framework, put in (
        ("starlette.applications", "Starlette", _into_starlette),
        ("litestar.app", "Litestar", _into_litestar),
        ("celery.app.base", "Celery", _into_celery),
    ):
        module = sys.modules.get(name)
        if module is not None and isinstance(app, getattr(module, framework, ())):
            return Watched(put(app, watcher), True)
    return _around(app, interface(app), watcher)


def interface(app: Any) -> Interface | None:
    """What an app speaks, by how servers call it; None for what they couldn't call, and for Granian's own RSGI."""
    if not callable(app) or hasattr(app, "__rsgi__"):
        return None
    if inspect.isclass(app):
        return _interface_of_class(app)
    if not _is_async(app) and _takes(app, 2):
        return "wsgi"
    return "asgi" if _takes(app, 3) else None


def _interface_of_class(app: type) -> Interface | None:
    """Each call makes an object: awaited, as Starlette's endpoints, or iterated over, as PEP 3333's own example."""
    if hasattr(app, "__await__"):
        return "asgi" if _takes(app, 3) else None
    return "wsgi" if hasattr(app, "__iter__") and _takes(app, 2) else None


def _is_async(app: Any) -> bool:
    while isinstance(app, partial):
        app = app.func
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004


def _takes(app: Any, count: int) -> bool:
    try:
        inspect.signature(app, follow_wrapped=False).bind(*range(count))
    except (TypeError, ValueError):  # other arguments, or a signature that can't be had
        return False
    return True


def _around(app: Any, kind: Interface | None, watcher: Watcher) -> Watched:
    if kind is None:
        LOG.warning(NO_APP, f"a {type(app).__name__}")
        return Watched(app, False)
    counter = CountingASGI if kind == "asgi" else CountingWSGI
    inner = getattr(app, f"{kind}_app", None)  # Flask's and Quart's place for middleware
    if isinstance(inner, counter):
        return Watched(app, kind == "asgi")
    try:
        if callable(inner):
            setattr(app, f"{kind}_app", counter(inner, watcher))
            return Watched(app, kind == "asgi")
    except (AttributeError, TypeError) as sealed:
        LOG.debug("heaptide wraps an app that takes no attribute: %s", sealed)
    return Watched(counter(app, watcher), kind == "asgi")


def _into_starlette(app: Any, watcher: Watcher) -> Any:
    if any(middleware.cls is CountingASGI for middleware in app.user_middleware):
        return app
    if app.middleware_stack is not None:  # it has served already
        return CountingASGI(app, watcher)
    app.add_middleware(CountingASGI, watcher=watcher)
    return app


def _into_litestar(app: Any, watcher: Watcher) -> Any:
    """Litestar answers lifespan events before its handlers, so its own hooks tell of them: ours are outermost."""
    if not isinstance(app.asgi_handler, CountingASGI):
        app.asgi_handler = CountingASGI(app.asgi_handler, watcher)
        app.on_startup.insert(0, watcher.begin)
        app.on_shutdown.append(watcher.end)
    return app


def _into_celery(app: Any, watcher: Watcher) -> Any:
    from heaptide.celery import watch_tasks

    watch_tasks(sys.modules["celery"].signals, watcher)
    return app
