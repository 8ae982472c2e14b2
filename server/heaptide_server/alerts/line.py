"""The connection that a webhook is sent over: to a checked address, and over before a deadline.

httpcore2 and not httpx2, which is built on it: only there can a connection be made to a chosen address under the
host's own name, and every read be held to one deadline.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpcore2

from heaptide_server.alerts.addresses import AddressPolicy, Resolver, resolve

CONNECT_S = 5.0
TOTAL_S = 15.0  # Standard Webhooks advises 15 to 30 s


@dataclass(frozen=True)
class Limits:
    """Seconds to connect, and for everything after the name's resolution, which the system's resolver bounds."""

    connect_s: float = CONNECT_S
    total_s: float = TOTAL_S


STANDARD = Limits()


class Line(httpcore2.NetworkBackend):
    """A network backend for one request: resolves once, checks every address, and dials none but those.

    Args:
        policy: which addresses are allowed, for which scheme.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        scheme: str,
        *,
        resolver: Resolver = resolve,
        limits: Limits = STANDARD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._scheme = scheme
        self._resolver = resolver
        self._limits = limits
        self._clock = clock
        self._ends_at = float("inf")
        self._system = httpcore2.SyncBackend()
        self._socket: socket.socket | None = None
        self._cut = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 the limits rule
        local_address: str | None = None,  # noqa: ARG002 part of the interface
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connects to the first of the host's addresses that answers.

        Raises:
            AddressRefusedError: one of them isn't allowed.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: none answers, or the name is unknown.
        """
        addresses = self._addresses(host, port)
        self._ends_at = self._clock() + self._limits.total_s
        for address in addresses[:-1]:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return self._dial(address, port, socket_options)
        return self._dial(addresses[-1], port, socket_options)

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            addresses = list(self._resolver(host, port))
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} can't be resolved: {error}") from error
        self._policy.check(self._scheme, host, addresses)
        return addresses

    def _dial(self, address: str, port: int, socket_options: Iterable[Any] | None) -> httpcore2.NetworkStream:
        timeout = self.left_s(self._limits.connect_s)
        stream = self._system.connect_tcp(address, port, timeout=timeout, socket_options=socket_options)
        self._socket = stream.get_extra_info("socket")
        return _Timed(stream, self)

    def left_s(self, wanted_s: float | None = None) -> float:
        """Seconds until the deadline, at most `wanted_s`.

        Raises:
            httpcore2.ReadTimeout: none are left.
        """
        left_s = 0.0 if self._cut else self._ends_at - self._clock()
        if left_s <= 0:
            raise httpcore2.ReadTimeout(f"no whole answer within {self._limits.total_s:g} s")
        return left_s if wanted_s is None else min(left_s, wanted_s)

    def cut(self) -> None:
        """Ends the request under way with an error. May be called from another thread."""
        self._cut = True
        if self._socket is not None:
            with suppress(OSError):  # it may be closed already
                self._socket.shutdown(socket.SHUT_RDWR)


class _Timed(httpcore2.NetworkStream):
    """A stream whose every step is held to the line's deadline, so that a byte now and then can't keep us."""

    def __init__(self, stream: httpcore2.NetworkStream, line: Line) -> None:
        self._stream = stream
        self._line = line

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._line.left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._line.left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._line.left_s(timeout)), self._line)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
