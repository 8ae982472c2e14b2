"""`heaptide serve`: one process, one line that says where it is, and a sentence when it can't start."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import sqlite3
import sys
from contextlib import ExitStack
from types import FrameType

import uvicorn
from fastapi import FastAPI

from heaptide_server.app import create_app
from heaptide_server.security import Guard, is_loopback
from heaptide_server.settings import Settings

# Live pages hold their streams open; what isn't done by then is broken off.
GRACEFUL_S = 5


def serve(settings: Settings) -> int:
    """Runs the collector until it's told to end.

    Returns:
        The exit status: 0 after SIGINT or SIGTERM, 2 if it couldn't start; standard error then says why.
    """
    told = _Told()
    # From the first moment on, and after uvicorn too, which raises again what ended it: a good end has status 0.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told.end)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with ExitStack() as opened:
        try:
            guard = Guard.of(settings)
            _check_host(settings.host, guard)
            listener = opened.enter_context(_listen(settings.host, settings.port))
            settings = settings.model_copy(update={"port": listener.getsockname()[1]})
            app = create_app(settings)
            opened.callback(app.state.collector.close)
            app.state.collector.open()
        except ValueError as error:
            return _refuse(str(error))
        except sqlite3.Error as error:
            return _refuse(f"The database {settings.db} can't be opened: {error}. Choose one with --db or HEAPTIDE_DB.")
        _welcome(settings, guard)
        _run(app, listener, told)
    return 0


class _Told:
    """Whether the process was told to end: an exception alone is lost where it meets a finalizer or a weakref's.

    Attributes:
        server: what is told instead once it runs: an exception may be lost in its loop's beginning, too.
    """

    def __init__(self) -> None:
        self.to_end = False
        self.server: uvicorn.Server | None = None

    def end(self, _number: int, _frame: FrameType | None) -> None:
        self.to_end = True
        if self.server is None:
            raise SystemExit(0)
        self.server.should_exit = True


def _run(app: FastAPI, listener: socket.socket, told: _Told) -> None:
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=GRACEFUL_S
    )
    told.server = server = uvicorn.Server(config)
    server.should_exit = told.to_end
    server.run(sockets=[listener])


def _check_host(host: str, guard: Guard) -> None:
    if guard.is_open and not is_loopback(host):
        raise ValueError(
            f"Without tokens anybody who reaches {host} could read and write. Set HEAPTIDE_INGEST_TOKEN (for agents) "
            "and HEAPTIDE_READ_TOKEN (for people), or listen on 127.0.0.1."
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"Port {port} on {host} is taken, perhaps by another collector. Choose one with --port."
        else:
            message = f"{host} port {port} can't be listened on: {error.strerror or error}."
        raise ValueError(message) from error


def _welcome(settings: Settings, guard: Guard) -> None:
    token = " HEAPTIDE_TOKEN=..." if guard.ingest else ""
    print(  # noqa: T201 - the one line that the command is run for
        f"Heaptide is at {settings.address} - connect an app: "
        f"HEAPTIDE_COLLECTOR={settings.address}{token} heaptide run -- gunicorn ...",
        flush=True,
    )


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 - why the command ends
    return 2
