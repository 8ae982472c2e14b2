"""Counts requests at the app's door. Adds nothing to a response, and lets exceptions through untouched."""

from __future__ import annotations

import inspect
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from typing import Any, Protocol

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

# Left in a request's scope or environ, so that it counts once where two apps, or a command and the code, are watched.
COUNTED = "heaptide.counted"


class Noticed:
    """What this process was told by ASGI so far: whether of its lifespan, whether of a request; and the app."""

    lifespan = False
    request = False
    app: weakref.ref[Any] | None = None


NOTICED = Noticed()


class Watcher(Protocol):
    """Who is told: `heaptide.lifecycle.Agent`."""

    def count(self, n: int = 1) -> None:
        """Requests came in."""

    def begin(self) -> None:
        """The app starts up in this process."""

    def end(self) -> None:
        """The app has shut down."""


class CountingASGI:
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp, watcher: Watcher) -> None:
        self.app = app
        self._watcher = watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        if scope["type"] == "lifespan":
            send = self._lifespan(send)
            NOTICED.lifespan = True
            NOTICED.app = weakref.ref(scope["app"]) if "app" in scope else None
        elif COUNTED not in scope:
            scope[COUNTED] = True
            NOTICED.request = True
            self._watcher.count()
        await self.app(scope, receive, send)

    def _lifespan(self, send: Send) -> Send:
        watcher = self._watcher
        watcher.begin()

        async def watched(message: MutableMapping[str, Any]) -> None:
            # Before the server hears of it, for some exit as soon as they do.
            if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                watcher.end()
            await send(message)

        return watched


class CountingWSGI:
    """A WSGI app around another."""

    def __init__(self, app: WSGIApp, watcher: Watcher) -> None:
        self.app = app
        self._watcher = watcher

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: D102 - WSGI's
        if COUNTED not in environ:
            environ[COUNTED] = True
            self._watcher.count()
        return self.app(environ, start_response)


def is_asgi(app: Any) -> bool:
    """Whether an app speaks ASGI, by the rule of servers: its call is a coroutine function."""
    while isinstance(app, partial):
        app = app.func
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None))  # noqa: B004


def watch(app: Any, watcher: Watcher) -> Any:
    """Puts the counter around an app, inside the app's own object where it has a place for it.

    Returns:
        The app to serve: the same object for Starlette, FastAPI, Flask and Quart, else a wrapper.
    """
    if isinstance(app, (CountingASGI, CountingWSGI)):
        return app
    if _is_starlette(app):
        return _watch_starlette(app, watcher)
    for attribute, counter in (("asgi_app", CountingASGI), ("wsgi_app", CountingWSGI)):
        if callable(inner := getattr(app, attribute, None)):
            if not isinstance(inner, counter):
                setattr(app, attribute, counter(inner, watcher))
            return app
    return CountingASGI(app, watcher) if is_asgi(app) else CountingWSGI(app, watcher)


def _is_starlette(app: Any) -> bool:
    # Other frameworks have an add_middleware too, with another meaning.
    module = sys.modules.get("starlette.applications")
    return module is not None and isinstance(app, module.Starlette)


def _watch_starlette(app: Any, watcher: Watcher) -> Any:
    if any(middleware.cls is CountingASGI for middleware in app.user_middleware):
        return app
    if app.middleware_stack is not None:  # it has served already
        return CountingASGI(app, watcher)
    app.add_middleware(CountingASGI, watcher=watcher)
    return app
