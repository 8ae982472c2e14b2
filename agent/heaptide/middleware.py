"""Counts requests at the app's door. Adds nothing to a response, and lets exceptions through untouched.

A request counts when it comes in: so one whose app fails counts too, and a streaming one before its first byte. Only
HTTP requests count. A WebSocket and a lifespan say that this process serves, no more.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, Protocol

from heaptide.gate import LOG

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

# Left in a request's scope or environ, so that it counts once where two apps, or a command and the code, are watched.
COUNTED = "heaptide.counted"
# A WSGI app that is mounted in an ASGI app gets an environ of its own, but runs in the request's context.
_INSIDE: ContextVar[bool] = ContextVar("heaptide.inside", default=False)
_SHUT_DOWN = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")


class Noticed:
    """What this process was told by ASGI so far: whether of its lifespan, whether of a request; and the app."""

    lifespan = False
    request = False
    app: weakref.ref[Any] | None = None

    def lifespan_of(self, app: Any) -> None:
        """The server opened the lifespan of this app; one that can't be referred to weakly isn't kept."""
        self.lifespan = True
        with suppress(TypeError):
            self.app = None if app is None else weakref.ref(app)


NOTICED = Noticed()


class Watcher(Protocol):
    """Who is told: `heaptide.lifecycle.Agent`."""

    def count(self, n: int = 1) -> None:
        """Requests came in; 0: none that counts, but this process serves."""

    def begin(self) -> None:
        """The app starts up in this process."""

    def end(self) -> None:
        """The app has shut down."""


def is_first(request: MutableMapping[str, Any]) -> bool:
    """Whether a request, a scope or an environ, passes its first door; from then on it doesn't."""
    if COUNTED in request:
        return False
    request[COUNTED] = True
    return True


def is_first_environ(environ: MutableMapping[str, Any]) -> bool:
    """The same for a WSGI environ, which may be an ASGI request's."""
    return is_first(environ) and not _INSIDE.get()


class _Door:
    """What both doors share: whatever else is asked of one, its app answers, as `app.state` or `app.run()`."""

    app: Any

    def __getattr__(self, name: str) -> Any:
        if name == "app" or name.startswith("__"):  # of a copy in the making; or what says what kind of object this is
            raise AttributeError(name)
        return getattr(self.app, name)


class CountingASGI(_Door):
    """An ASGI app around another."""

    def __init__(self, app: ASGIApp, watcher: Watcher) -> None:
        self.app = app
        self._watcher = watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        kind = scope.get("type")
        if kind == "lifespan":
            NOTICED.lifespan_of(scope.get("app"))
            await self._live(scope, receive, send)
            return
        if is_first(scope):
            NOTICED.request = True
            _INSIDE.set(True)
            self._watcher.count(1 if kind == "http" else 0)
        await self.app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        heard = False
        self._watcher.begin()

        async def listen() -> Message:
            nonlocal heard
            heard = True
            return await receive()

        async def tell(message: Message) -> None:
            # Before the server hears of it, for some exit as soon as they do.
            if message["type"] in _SHUT_DOWN:
                self._watcher.end()
            await send(message)

        try:
            await self.app(scope, listen, tell)
        except (AssertionError, RuntimeError, ValueError) as refusal:
            if heard or not _is_of_scope(refusal):
                raise
            LOG.debug("heaptide answers lifespan events for an app that has none: %s", refusal)
            await _stand_in(receive, tell)


def _is_of_scope(refusal: Exception) -> bool:
    """Whether an error says that an app knows no lifespan: "Django can only handle ASGI/HTTP connections, not
    lifespan", "No application configured for scope type 'lifespan'" (Channels), "received a non-HTTP scope" (asgiref).
    """
    return any(word in str(refusal) for word in ("lifespan", "scope"))


async def _stand_in(receive: Receive, send: Send) -> None:
    """Plays an app that has nothing to start or to shut down: without lifespan events its end would go unseen."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


class CountingWSGI(_Door):
    """A WSGI app around another."""

    def __init__(self, app: WSGIApp, watcher: Watcher) -> None:
        self.app = app
        self._watcher = watcher

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: D102 - WSGI's
        if is_first_environ(environ):
            self._watcher.count()
        result: Iterable[bytes] = self.app(environ, start_response)
        return result
