"""One POST and what came of it: no redirects, no proxies, and a bounded part of the answer."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import httpcore2
import httpx2

from heaptide_server.alerts.addresses import AddressRefusedError
from heaptide_server.alerts.line import Line

ANSWER_BYTES = 2048
GONE = 410

Headers = Sequence[tuple[bytes | str, bytes | str]]
NETWORK_ERRORS = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError)


@dataclass(frozen=True)
class Answer:
    """What came of one attempt.

    Attributes:
        status: HTTP status; None if there was no answer.
        error: why this isn't a success, in words; None if it is one.
        latency_s: seconds until the first 2 kB of the answer had come, or the error.
        body: the answer's first 2 kB as text.
        retry_after: the header of that name.
    """

    status: int | None
    error: str | None
    latency_s: float
    body: str = ""
    retry_after: str | None = None

    @property
    def delivered(self) -> bool:
        """The receiver has it: any 2xx, and nothing else."""
        return self.status is not None and 200 <= self.status < 300


def post(
    url: httpx2.URL,
    headers: dict[str, str],
    body: str,
    line: Line,
    *,
    ssl_context: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Sends a JSON body. Never raises for what a network or a receiver does.

    Args:
        ssl_context: None verifies against the system's certificates, or SSL_CERT_FILE and SSL_CERT_DIR.
        clock: monotonic seconds.
    """
    started = clock()
    own = {"Host": url.netloc.decode(), "Content-Type": "application/json", "User-Agent": "Heaptide"}
    try:
        with httpcore2.ConnectionPool(ssl_context=ssl_context, network_backend=line) as pool:
            return _exchange(pool, url, [*own.items(), *headers.items()], body, lambda: clock() - started)
    except httpcore2.ConnectTimeout:
        return Answer(None, "no connection in time", clock() - started)
    except (*NETWORK_ERRORS, AddressRefusedError) as error:
        return Answer(None, str(error), clock() - started)


def _exchange(
    pool: httpcore2.ConnectionPool, url: httpx2.URL, headers: Headers, body: str, latency: Callable[[], float]
) -> Answer:
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    with pool.stream("POST", target, headers=headers, content=body.encode()) as response:
        text = _first_bytes(response).decode(errors="replace")
        return Answer(response.status, _failure(response), latency(), text, _header(response, b"retry-after"))


def _first_bytes(response: httpcore2.Response) -> bytes:
    """What fits of the answer's body. The status has come and decides, so a body that breaks off is no failure."""
    read = b""
    with suppress(*NETWORK_ERRORS):
        for chunk in response.iter_stream():
            read += chunk
            if len(read) >= ANSWER_BYTES:
                break
    return read[:ANSWER_BYTES]


def _failure(response: httpcore2.Response) -> str | None:
    if 200 <= response.status < 300:
        return None
    if 300 <= response.status < 400:
        return f"answered {response.status}: redirects are not followed; give the final address"
    return f"answered {response.status}"


def _header(response: httpcore2.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)
