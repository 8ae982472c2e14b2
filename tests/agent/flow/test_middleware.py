"""Counting at the door changes nothing for who passes through it."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI

from heaptide.middleware import CountingASGI, CountingWSGI, is_asgi, watch


class Watcher:
    def __init__(self) -> None:
        self.told: list[str] = []

    def count(self, n: int = 1) -> None:
        self.told.append("count")

    def begin(self) -> None:
        self.told.append("begin")

    def end(self) -> None:
        self.told.append("end")


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
    elif scope.get("fails"):
        raise LookupError("the app's own")
    else:
        await send({"type": "http.response.start"})


def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"body"]


def drive(app, scope, watcher=None) -> list:
    """Runs one scope; what was sent, and where the watcher was told of the end."""
    sent: list = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(messages)}

    async def send(message):
        sent.append((message["type"], list(watcher.told) if watcher else None))

    asyncio.run(app(scope, receive, send))
    return sent


def test_requests_and_websockets_count_and_a_lifespan_does_not(watcher) -> None:
    app = CountingASGI(asgi, watcher)
    for kind in ("http", "websocket", "http"):
        assert drive(app, {"type": kind}) == [("http.response.start", None)]
    assert watcher.told == ["count"] * 3


def test_a_request_counts_once_through_two_doors(watcher) -> None:
    drive(CountingASGI(CountingASGI(asgi, watcher), watcher), {"type": "http"})
    list(CountingWSGI(CountingWSGI(wsgi, watcher), watcher)({}, lambda *_: None))
    assert watcher.told == ["count", "count"]


def test_the_end_is_told_after_the_apps_own_and_before_the_server_hears_of_it(watcher) -> None:
    sent = drive(CountingASGI(asgi, watcher), {"type": "lifespan"}, watcher)
    assert sent == [
        ("lifespan.startup.complete", ["begin"]),
        ("lifespan.shutdown.complete", ["begin", "end"]),
    ]


def test_an_exception_of_the_app_passes_through_untouched(watcher) -> None:
    with pytest.raises(LookupError, match="the app's own"):
        drive(CountingASGI(asgi, watcher), {"type": "http", "fails": True})


def test_a_fastapi_app_stays_the_same_object_and_is_watched_once(watcher) -> None:
    app = FastAPI()
    assert watch(app, watcher) is app
    assert watch(app, watcher) is app
    drive(app, {"type": "lifespan", "state": {}}, watcher)
    assert watcher.told == ["begin", "end"]


def test_a_fastapi_app_that_has_served_is_wrapped(watcher) -> None:
    app = FastAPI()
    drive(app, {"type": "lifespan", "state": {}})
    assert isinstance(watch(app, watcher), CountingASGI)


def test_an_app_with_a_place_for_wsgi_middleware_stays_the_same_object(watcher) -> None:
    class Flaskish:
        def __init__(self) -> None:
            self.wsgi_app = wsgi

        def __call__(self, environ, start_response):
            return self.wsgi_app(environ, start_response)

    app = Flaskish()
    assert watch(app, watcher) is app
    assert watch(app, watcher) is app
    assert list(app({}, lambda *_: None)) == [b"body"]
    assert watcher.told == ["count"]


def test_bare_callables_are_wrapped_by_what_they_speak(watcher) -> None:
    assert isinstance(watch(asgi, watcher), CountingASGI)
    assert isinstance(watch(wsgi, watcher), CountingWSGI)
    wrapped = watch(asgi, watcher)
    assert watch(wrapped, watcher) is wrapped
    assert is_asgi(wrapped)
