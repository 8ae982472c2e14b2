"""Who may talk to the collector: tokens, loopback without them, and no page of another site."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from heaptide_server.ingest.problem import Problem
from heaptide_server.settings import Settings

_HASHED = re.compile(r"sha256:([0-9a-fA-F]{64})\Z")


class Tokens:
    """Tokens of one kind, kept as SHA-256 hashes alone.

    Args:
        tokens: each a text, or `sha256:` and the hash in hexadecimal digits.
    """

    def __init__(self, tokens: Iterable[str] = ()) -> None:
        self._hashes = [_hash(token) for token in tokens]

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def accept(self, token: str) -> bool:
        """Whether it's one of them, in a time that doesn't tell how near it came."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        return sum(hmac.compare_digest(digest, known) for known in self._hashes) > 0


@dataclass(frozen=True)
class Guard:
    """Decides on requests before anything reads them.

    Attributes:
        ingest: what agents send; empty lets any in.
        read: what readers send, and browsers as their password; empty lets any in.
    """

    ingest: Tokens
    read: Tokens

    @classmethod
    def of(cls, settings: Settings) -> Guard:
        """The guard that the settings ask for.

        Raises:
            ValueError: a token's file can't be read or has none.
        """
        return cls(
            Tokens(_given(settings.ingest_token, settings.ingest_tokens, settings.ingest_token_file)),
            Tokens(_given(settings.read_token, settings.read_tokens, settings.read_token_file)),
        )

    @property
    def is_open(self) -> bool:
        """Whether something is open to anybody who can connect, so that only this machine may."""
        return not (self.ingest and self.read)

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Lets a request pass.

        Args:
            headers: the request's, by lower-case names.

        Raises:
            Problem: 403 for a foreign host name or site, 401 without the right token.
        """
        if self.is_open and not is_loopback(_host_name(headers.get("host", ""))):
            message = (
                f"Without tokens this collector answers to localhost only, not to {headers.get('host', '')[:80]!r}. "
                "Set HEAPTIDE_INGEST_TOKEN and HEAPTIDE_READ_TOKEN."
            )
            raise Problem(403, "foreign_host", message)
        if method not in ("GET", "HEAD", "OPTIONS"):
            _refuse_cross_site(headers)
        if path == "/healthz":
            return
        is_ingest = method == "POST" and path in ("/api/v1/reports", "/api/v1/events")
        tokens = self.ingest if is_ingest else self.read
        if tokens and not tokens.accept(_presented(headers.get("authorization", ""))):
            raise _unauthorised(is_ingest, path)


def is_loopback(host: str) -> bool:
    """Whether this name or address can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _hash(token: str) -> bytes:
    hashed = _HASHED.match(token)
    return bytes.fromhex(hashed[1]) if hashed else hashlib.sha256(token.encode()).digest()


def _given(one: SecretStr | None, several: SecretStr | None, file: Path | None) -> list[str]:
    texts = [one.get_secret_value() if one else ""]
    texts += several.get_secret_value().split(",") if several else []
    if file:
        try:
            lines = file.read_text().splitlines()
        except OSError as error:
            raise ValueError(f"The token file {file} can't be read: {error.strerror}.") from error
        if not any(line.strip() for line in lines):
            raise ValueError(f"The token file {file} has no token; write one a line.")
        texts += lines
    return [text.strip() for text in texts if text.strip()]


def _host_name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _refuse_cross_site(headers: Mapping[str, str]) -> None:
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    if site not in ("same-origin", "none") or foreign:
        message = f"A page of another site ({(origin or site)[:80]!r}) may not change anything here."
        raise Problem(403, "cross_site", message)


def _presented(authorization: str) -> str:
    """The token of a Bearer header, or the password of a Basic one; empty where there is none, which no token is."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[2]


def _unauthorised(is_ingest: bool, path: str) -> Problem:
    name = "ingest token" if is_ingest else "read token"
    message = f"This needs the {name}: send it as `Authorization: Bearer ...`, or log in with it as the password."
    # A browser asks for the password only where it sees Basic; a program is told of Bearer.
    challenge = 'Bearer realm="heaptide"' if path.startswith("/api/") else 'Basic realm="heaptide", charset="UTF-8"'
    return Problem(401, "unauthorised", message, headers={"WWW-Authenticate": challenge})
