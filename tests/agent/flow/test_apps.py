"""Whatever is handed to `heaptide.start`: apps get their counter, anything else a line in the log."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest
from celery import Celery
from celery.utils.dispatch import Signal
from fastapi import FastAPI
from flask import Flask
from litestar import Litestar
from starlette.endpoints import HTTPEndpoint

from heaptide.apps import interface, watch
from heaptide.celery import watch_tasks
from heaptide.lifecycle import Agent
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
    pass


def wsgi(environ, start_response):
    return [b""]


class Instance:
    async def __call__(self, scope, receive, send):
        pass


class OldWSGI:  # PEP 3333's own example
    def __init__(self, environ, start_response):
        pass

    def __iter__(self):
        yield b""


class OldASGI:  # of version 2: called twice
    def __init__(self, scope):
        pass

    async def __call__(self, receive, send):
        pass


class RSGI:
    async def __rsgi__(self, scope, protocol):
        pass

    async def __call__(self, scope, receive, send):
        pass


class Shy:
    def __getattr__(self, name):
        raise LookupError(name)

    def __call__(self):
        return self


class Sealed:
    __slots__ = ()

    def wsgi_app(self, environ, start_response):
        return [b""]

    def __call__(self, environ, start_response):
        return self.wsgi_app(environ, start_response)


@pytest.mark.parametrize(
    ("app", "speaks"),
    [
        (asgi, "asgi"),
        (Instance(), "asgi"),
        (partial(asgi), "asgi"),
        (HTTPEndpoint, "asgi"),
        (lambda scope, receive, send: asgi(scope, receive, send), "asgi"),
        (wsgi, "wsgi"),
        (OldWSGI, "wsgi"),
        (lambda *words: wsgi(*words), "wsgi"),
        (OldASGI, None),
        (RSGI(), None),
        (Instance, None),
        (lambda: None, None),
        (dict, None),
        (len, None),
        ("shop.main:app", None),
    ],
)
def test_what_an_app_speaks_is_known_by_how_a_server_would_call_it(app, speaks) -> None:
    assert interface(app) == speaks


@pytest.mark.parametrize(
    "app", [FastAPI(), Flask(__name__), Litestar(logging_config=None), Celery("shop", set_as_current=False)]
)
def test_a_framework_with_a_place_for_it_keeps_its_object(app, watcher) -> None:
    assert watch(app, watcher).app is app
    assert watch(app, watcher).app is app


def test_a_bare_callable_is_wrapped_by_what_it_speaks_and_once(watcher) -> None:
    assert isinstance(watch(asgi, watcher).app, CountingASGI)
    assert isinstance(watch(wsgi, watcher).app, CountingWSGI)
    wrapped = watch(asgi, watcher)
    assert watch(wrapped.app, watcher) == wrapped


def test_an_app_that_takes_no_attribute_is_wrapped(watcher) -> None:
    wrapped = watch(Sealed(), watcher).app
    assert wrapped({}, None) == [b""]
    assert watcher.told == ["count"]


def test_a_fastapi_app_that_has_served_is_wrapped(watcher) -> None:
    app = FastAPI()
    app.middleware_stack = app.build_middleware_stack()
    assert isinstance(watch(app, watcher).app, CountingASGI)


def test_litestar_tells_of_its_start_and_its_end_once(watcher) -> None:
    order: list[str] = []
    app = Litestar(
        logging_config=None, on_startup=[lambda: order.append("up")], on_shutdown=[lambda: order.append("down")]
    )
    watch(app, watcher)
    watch(app, watcher)
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive():
        return {"type": next(messages)}

    async def send(message):
        order.append(f"{message['type']} {watcher.told}")

    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert order == ["up", "lifespan.startup.complete ['begin']", "down", "lifespan.shutdown.complete ['begin', 'end']"]


def test_celery_tells_of_each_process_and_task_but_of_no_eager_one(watcher) -> None:
    signals = SimpleNamespace(worker_process_init=Signal(), worker_process_shutdown=Signal(), task_prerun=Signal())
    for _ in range(2):
        watch_tasks(signals, watcher)
    signals.worker_process_init.send(sender=None)
    for eager in (False, True, False):
        signals.task_prerun.send(sender=None, task=SimpleNamespace(request=SimpleNamespace(is_eager=eager)))
    signals.worker_process_shutdown.send(sender=None, pid=1, exitcode=0)
    assert watcher.told == ["begin", "count", "count", "end"]


@pytest.fixture
def agent(tracer):
    one = Agent(choose=lambda _: tracer, role=lambda: "unknown")
    yield one
    one.stop(5.0)


@pytest.mark.parametrize(
    "app", [42, "shop.main:app", object(), OldASGI, RSGI(), Instance, lambda: None, dict, len, asyncio, b"", [asgi]]
)
def test_what_is_no_app_is_handed_back_with_a_line_in_the_log_and_memory_is_watched(
    app, agent, collector, caplog
) -> None:
    caplog.set_level(logging.WARNING, "heaptide")
    assert agent.start(app, {"collector": collector.url}, "shop") is app
    assert [record.message.partition(":")[0] for record in caplog.records] == ["heaptide.start"]
    assert type(app).__name__ in caplog.text
    assert agent.status()["running"]


@pytest.mark.parametrize("kind", [Shy, MagicMock])
def test_an_object_that_resists_goes_on_unharmed(kind, agent, collector, swallowed) -> None:
    app = kind()
    watched = agent.start(app, {"collector": collector.url}, "shop")
    assert watched is app or watched.app is app
    agent.count()
    assert agent.status()["running"]
    swallowed.clear()
