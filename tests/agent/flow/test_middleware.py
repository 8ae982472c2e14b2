"""Counting at the door changes nothing for who passes through it."""

from __future__ import annotations

import asyncio
from copy import copy

import pytest
from asgiref.wsgi import WsgiToAsgi
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from heaptide.apps import watch
from heaptide.middleware import CountingASGI, CountingWSGI


class Watcher:
    def __init__(self) -> None:
        self.told: list[str] = []

    def count(self, n: int = 1) -> None:
        self.told += ["count"] * n or ["serves"]

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


def test_requests_count_and_a_websocket_only_says_that_this_process_serves(watcher) -> None:
    app = CountingASGI(asgi, watcher)
    for kind in ("http", "websocket", "http"):
        assert drive(app, {"type": kind}) == [("http.response.start", None)]
    assert watcher.told == ["count", "serves", "count"]


def test_a_streaming_response_counts_before_its_first_byte(watcher) -> None:
    def stream(environ, start_response):
        yield b"first"
        yield b"last"

    sent = drive(CountingASGI(asgi, watcher), {"type": "http"}, watcher)
    assert sent == [("http.response.start", ["count"])]
    body = iter(CountingWSGI(stream, watcher)({}, lambda *_: None))
    assert next(body) == b"first"
    assert watcher.told == ["count", "count"]


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


def test_an_exception_of_the_app_passes_through_untouched_and_its_request_counts(watcher) -> None:
    def fail(environ, start_response):
        raise LookupError("the app's own")

    with pytest.raises(LookupError, match="the app's own"):
        drive(CountingASGI(asgi, watcher), {"type": "http", "fails": True})
    with pytest.raises(LookupError, match="the app's own"):
        CountingWSGI(fail, watcher)({}, None)
    assert watcher.told == ["count", "count"]


def test_for_an_app_that_knows_no_lifespan_the_door_answers_so_that_its_end_is_seen(watcher) -> None:
    async def http_only(scope, receive, send):
        raise ValueError(f"this app can only handle HTTP connections, not {scope['type']}.")

    for app in (http_only, WsgiToAsgi(wsgi)):
        assert drive(CountingASGI(app, watcher), {"type": "lifespan"}, watcher)[-1][0] == "lifespan.shutdown.complete"
    assert watcher.told == ["begin", "end"] * 2


def test_an_app_whose_start_up_fails_fails_as_it_would_without_the_door(watcher) -> None:
    async def before_it_listens(scope, receive, send):
        raise RuntimeError("no database")

    async def while_it_starts(scope, receive, send):
        await receive()
        raise RuntimeError("no database for the lifespan")

    for app in (before_it_listens, while_it_starts):
        with pytest.raises(RuntimeError, match="no database"):
            drive(CountingASGI(app, watcher), {"type": "lifespan"})


def test_a_request_to_a_mounted_app_that_is_watched_too_counts_once(watcher) -> None:
    async def endpoint(request):
        raise LookupError

    inner = watch(Starlette(routes=[Route("/", endpoint)]), watcher).app
    outer = watch(Starlette(routes=[Mount("/inner", inner)]), watcher).app
    scope = {"type": "http", "method": "GET", "path": "/inner/", "root_path": "", "headers": [], "query_string": b""}
    with pytest.raises(LookupError):
        drive(outer, scope)

    flask = watch(Flask(__name__), watcher).app
    Client(watch(DispatcherMiddleware(flask), watcher).app).get("/")
    request = {**scope, "path": "/", "http_version": "1.1"}
    asyncio.run(_ask(watch(WsgiToAsgi(flask), watcher).app, request))
    assert watcher.told == ["count"] * 3


async def _ask(app, scope) -> None:
    messages = iter([{"type": "http.request", "body": b""}])

    async def receive():
        return next(messages)

    async def send(message):
        pass

    await app(scope, receive, send)


def test_a_wrapper_answers_for_its_app_and_can_be_copied(watcher) -> None:
    class App:
        state = "the app's"

        async def __call__(self, scope, receive, send):
            pass

    wrapped = watch(App(), watcher).app
    assert isinstance(wrapped, CountingASGI)
    assert wrapped.state == copy(wrapped).state == "the app's"
    assert not hasattr(wrapped, "nothing")
