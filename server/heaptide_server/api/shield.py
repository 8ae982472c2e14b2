"""The outermost layer, pure ASGI so that streams stay streams: the guard before, the browser's rules after."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heaptide.wire import MAX_COMPRESSED_BYTES
from heaptide_dashboards import CSP
from heaptide_server.ingest.problem import Problem
from heaptide_server.security import Guard

DRAIN_TIMEOUT_S = 2.0

HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Shield:
    """Wraps an ASGI app.

    Args:
        app: what the requests are for.
        guard: who may pass.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive)
        answer = _with_headers(_after(body, send))
        try:
            self._guard.check(scope["method"], scope["path"], _by_name(scope["headers"]))
        except Problem as problem:
            await _refuse(problem, answer)
        else:
            await self._app(scope, body.receive, answer)


class _Body:
    """A request's body on its way in.

    An answer given before the body was read would be lost: the server closes the connection, and the kernel resets it
    for the bytes that nobody took.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whole = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Takes what is left and throws it away, within bounds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIMEOUT_S):
                taken = 0
                while not self._whole and taken < MAX_COMPRESSED_BYTES:
                    taken += len((await self.receive()).get("body", b""))


def _after(body: _Body, send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            await body.drain()
        await send(message)

    return wrapped


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", [])}
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return wrapped


async def _refuse(problem: Problem, send: Send) -> None:
    body = json.dumps(problem.body).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
    headers |= {name.lower(): value for name, value in problem.headers.items()}
    start = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": start})
    await send({"type": "http.response.body", "body": body})
