"""Where alerts go: targets, read from HEAPTIDE_WEBHOOK_*."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from dataclasses import dataclass, field

import httpx2
from sqlite_utils import Database

from heaptide_server.alerts.addresses import AddressPolicy, Network
from heaptide_server.alerts.endpoints import stored_secret
from heaptide_server.alerts.payloads import Format
from heaptide_server.alerts.signing import check_secret, new_secret

log = logging.getLogger(__name__)

NAME = "default"


@dataclass(frozen=True)
class Target:
    """A webhook.

    Attributes:
        name: what people and the table of deliveries call it.
        url: often a secret itself (Slack's is), so no text shows more of it than its host.
        secrets: sign every delivery, the newest first; several while one is being rotated.
        format: which body it gets.
        policy: which addresses it may have.
        routing_key: PagerDuty's, which travels in the body.

    Raises:
        ValueError: with a sentence, for a URL that no webhook has or a secret that can't sign.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    format: Format = "generic"
    policy: AddressPolicy = field(default_factory=AddressPolicy)
    routing_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_url(self.url)
        for secret in self.secrets:
            check_secret(secret)

    @property
    def endpoint(self) -> str:
        """Names this target at this URL, without telling the URL: a new URL starts with a clean slate."""
        return f"{self.name}:{hashlib.sha256(self.url.encode()).hexdigest()[:16]}"

    def __str__(self) -> str:
        url = httpx2.URL(self.url)
        return f"webhook {self.name} ({url.scheme}://{url.netloc.decode()})"


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(
            f"HEAPTIDE_WEBHOOK_ALLOW_NETS has {text!r}, which is no network ({error}); write it as 10.0.0.0/8"
        ) from error


def check_url(url: str) -> str:
    """The URL, if a webhook may have it.

    Raises:
        ValueError: with a sentence that doesn't repeat the URL, which may be a secret.
    """
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"HEAPTIDE_WEBHOOK_URL is no address ({error}); write it as https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError("HEAPTIDE_WEBHOOK_URL must begin with https:// and a host")
    if parts.userinfo:
        raise ValueError("HEAPTIDE_WEBHOOK_URL has a user name or password in it; webhooks are signed: leave it out")
    if parts.port is not None and not 0 < parts.port < 65536:
        raise ValueError(f"HEAPTIDE_WEBHOOK_URL has the port {parts.port}; ports go from 1 to 65535")
    return url


def load_targets(
    db: Database,
    *,
    url: str | None,
    secret: str | None = None,
    format: Format = "generic",  # noqa: A002 the setting's name
    allow_nets: str = "",
    allow_http: bool = False,
) -> list[Target]:
    """The targets that the settings HEAPTIDE_WEBHOOK_* name: one, or none without a URL.

    Args:
        db: a connection of the caller's thread, migrated, with no transaction open.
        url: where to post.
        secret: whsec_..., several separated by commas or blanks while one is being rotated, newest first; one is made
            and stored if it isn't given. For PagerDuty, the integration's routing key.
        allow_nets: loopback and private networks that may be reached, separated by commas: "127.0.0.0/8,10.1.2.3".
        allow_http: plain http may be used beyond the loopback interface.

    Raises:
        ValueError: with a sentence, for a URL that no webhook has, a secret that can't sign, a missing routing key,
            or what is no network.
    """
    if url is None or not url.strip():
        return []
    policy = AddressPolicy(tuple(_network(net) for net in allow_nets.replace(",", " ").split()), allow_http)
    given = (secret or "").replace(",", " ").split()
    if format == "pagerduty":
        return [Target(NAME, url.strip(), (), format, policy, routing_key=_routing_key(given))]
    return [Target(NAME, url.strip(), tuple(given) or (_own_secret(db),), format, policy)]


def _routing_key(given: list[str]) -> str:
    if len(given) != 1:
        raise ValueError("HEAPTIDE_WEBHOOK_FORMAT=pagerduty needs its integration's key in HEAPTIDE_WEBHOOK_SECRET")
    return given[0]


def _own_secret(db: Database) -> str:
    fresh = new_secret()
    secret = stored_secret(db, NAME, fresh)
    if secret == fresh:
        log.warning(
            "HEAPTIDE_WEBHOOK_SECRET isn't set: made one that signs webhooks and stored it; "
            "read it with `sqlite-utils rows DATABASE alert_secrets`, DATABASE being the collector's file"
        )
    return secret
