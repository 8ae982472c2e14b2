"""Carries JSON to the collector over HTTP, with the standard library alone. Imported in the agent's thread only."""

from __future__ import annotations

import gzip
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from heaptide import __version__
from heaptide.settings import Settings

MOST_ANSWER_BYTES = 256 << 10  # of a reply that is read
MOST_RETRY_AFTER_S = 3600.0


class Unreachable(Exception):  # noqa: N818 - says what is the case
    """No answer came from the collector; the text says why, without any address or token of ours."""


@dataclass(frozen=True)
class Answer:
    """What the collector answered. `body` is empty where it wasn't a JSON object."""

    status: int
    body: Mapping[str, Any]
    retry_after_s: float | None = None

    @property
    def message(self) -> str:
        """The collector's own words on an error."""
        error = self.body.get("error")
        text = error.get("message") if isinstance(error, dict) else error
        return str(text or f"HTTP status {self.status}")[:500]

    @property
    def field(self) -> str | None:
        """Which part of the body the collector refused, in its own words."""
        error = self.body.get("error")
        return str(error["field"]) if isinstance(error, dict) and "field" in error else None


class _Response(Protocol):
    """What urllib's answers and its HTTP errors have in common."""

    @property
    def headers(self) -> Message: ...

    def read(self, size: int, /) -> bytes: ...


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect could carry the token to another host, so it stays what it is: a failure."""

    def redirect_request(self, *_: object) -> None:
        return None


class Transport:
    """Posts to one collector. Proxies are taken from the environment, as urllib does.

    Raises:
        OSError: the certificates' file can't be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.collector or ""
        self._token = _read_token(settings)
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if urlsplit(self._url).scheme == "https":
            if settings.ca_file:
                Path(settings.ca_file).stat()  # its error names the file, the one of ssl doesn't
            context = ssl.create_default_context(cafile=settings.ca_file)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def reload_token(self) -> None:
        """Reads the token's file again: it may have been rotated."""
        self._token = _read_token(self._settings)

    def post(self, path: str, body: Mapping[str, Any], *, content_type: str, timeout_s: float) -> Answer:
        """Posts a JSON object, compressed.

        Args:
            path: below the collector's URL, with a slash in front.
            body: the object.
            content_type: what it is.
            timeout_s: how long to wait for the connection, and for each part of the answer.

        Raises:
            Unreachable: no answer.
        """
        request = urllib.request.Request(  # noqa: S310 - settings allow http and https alone
            self._url + path, data=gzip.compress(json.dumps(body, allow_nan=False).encode(), 6), method="POST"
        )
        request.add_header("Content-Type", content_type)
        request.add_header("Content-Encoding", "gzip")
        request.add_header("User-Agent", f"heaptide/{__version__}")
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return self._open(request, timeout_s)

    def get(self, path: str, *, timeout_s: float) -> Answer:
        """Asks for a JSON object; arguments and errors as for `post`."""
        request = urllib.request.Request(self._url + path)  # noqa: S310 - as above
        if self._token:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return self._open(request, timeout_s)

    def _open(self, request: urllib.request.Request, timeout_s: float) -> Answer:
        try:
            with self._opener.open(request, timeout=max(timeout_s, 0.05)) as response:
                return _answer(response.status, response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error)
        except urllib.error.URLError as error:
            raise Unreachable(str(error.reason)) from error
        except (OSError, HTTPException, ValueError) as error:  # ValueError: a URL or header that can't be sent
            raise Unreachable(f"{type(error).__name__}: {error}") from error


def _answer(status: int, response: _Response) -> Answer:
    try:
        body = json.loads(response.read(MOST_ANSWER_BYTES))
    except ValueError:
        body = None
    return Answer(status, body if isinstance(body, dict) else {}, _retry_after_s(response.headers.get("Retry-After")))


def _retry_after_s(text: str | None) -> float | None:
    """Retry-After is a number of seconds or a date (RFC 9110, 10.2.3)."""
    if not text:
        return None
    try:
        seconds = float(text) if text.strip().isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return None
    return min(max(seconds, 0.0), MOST_RETRY_AFTER_S)


def _read_token(settings: Settings) -> str | None:
    if settings.token or not settings.token_file:
        return settings.token
    return Path(settings.token_file).read_text().strip() or None
