"""Where alerts go: a target, what it may be, and how one is made of what was set."""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

import httpx2
from sqlite_utils import Database

from heaptide_server.alerts.addresses import AddressPolicy, Network
from heaptide_server.alerts.endpoints import stored_secret
from heaptide_server.alerts.payloads import Format
from heaptide_server.alerts.signing import check_secret, new_secret

log = logging.getLogger(__name__)

KINDS = ("site", "objects", "native", "check")
_T = TypeVar("_T")


class WrongKeyError(ValueError):
    """A target's key has a value that it can't have. `text` goes on where a sentence has named the key."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(f"{key} {text}")
        self.key = key
        self.text = text


class About(Protocol):
    """What a filter looks at, of a leak or of a sheet."""

    @property
    def service(self) -> str:
        """The service's name."""

    @property
    def environment(self) -> str:
        """Where it runs."""

    @property
    def kind(self) -> str:
        """One of `KINDS`."""


@dataclass(frozen=True)
class Filter:
    """Which leaks and checks a target is told of; an empty part takes all.

    Attributes:
        services, environments: names, or shell patterns such as `team-*`.
        kinds: of site, objects and native, which are leaks, and check.
    """

    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def takes(self, about: About) -> bool:
        """Whether it passes."""
        return (
            _matches(about.service, self.services)
            and _matches(about.environment, self.environments)
            and _matches(about.kind, self.kinds)
        )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


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
        filter: which leaks it is told of.

    Raises:
        WrongKeyError: for a URL that no webhook has or a secret that can't sign.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    format: Format = "generic"
    policy: AddressPolicy = field(default_factory=AddressPolicy)
    routing_key: str | None = field(default=None, repr=False)
    filter: Filter = field(default_factory=Filter)

    def __post_init__(self) -> None:
        check_url(self.url)
        for secret in self.secrets:
            _check("secret", check_secret, secret)

    def wants(self, about: About) -> bool:
        """Whether it is told of this."""
        return self.filter.takes(about)

    @property
    def endpoint(self) -> str:
        """Names this target at this URL, without telling the URL: a new URL starts with a clean slate."""
        return f"{self.name}:{hashlib.sha256(self.url.encode()).hexdigest()[:16]}"

    @property
    def host(self) -> str:
        """As much of the URL as anybody may see: `https://hooks.slack.com`."""
        url = httpx2.URL(self.url)
        return f"{url.scheme}://{url.netloc.decode()}"

    def __str__(self) -> str:
        return f"webhook {self.name} ({self.host})"


@dataclass(frozen=True)
class Given:
    """A target as it was set, not yet looked at. The names are the keys that sentences blame."""

    name: str
    url: str = field(repr=False)
    secret: tuple[str, ...] = field(default=(), repr=False)
    format: Format = "generic"
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    allow_nets: tuple[str, ...] = ()
    allow_http: bool = False


def make_target(db: Database, given: Given) -> Target:
    """The target that was set. Where it needs a secret to sign and none is given, one is made and kept.

    Args:
        db: a connection of the caller's thread, migrated, with no transaction open.

    Raises:
        WrongKeyError: for what a target can't have.
    """
    policy = AddressPolicy(tuple(_check("allow_nets", _network, net) for net in given.allow_nets), given.allow_http)
    wanted = Filter(given.services, given.environments, tuple(_kind(kind) for kind in given.kinds))
    url = check_url(given.url)
    if given.format == "pagerduty":
        key = _routing_key(given.secret)
        return Target(given.name, url, (), given.format, policy, routing_key=key, filter=wanted)
    target = Target(given.name, url, given.secret, given.format, policy, filter=wanted)
    if given.secret or given.format == "slack":  # Slack's URL is the secret; it verifies no signature
        return target
    return Target(given.name, url, (_own_secret(db, given.name),), given.format, policy, filter=wanted)


def check_url(url: str) -> str:
    """The URL, if a webhook may have it.

    Raises:
        WrongKeyError: in words that don't repeat the URL, which may be a secret.
    """
    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise WrongKeyError("url", f"is no address ({error}); write it as https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.host:
        raise WrongKeyError("url", "must begin with https:// and a host")
    if parts.userinfo:
        raise WrongKeyError("url", "has a user name or password in it; webhooks are signed: leave it out")
    if parts.port is not None and not 0 < parts.port < 65536:
        raise WrongKeyError("url", f"has the port {parts.port}; ports go from 1 to 65535")
    return url


def _check(key: str, check: Callable[[str], _T], text: str) -> _T:
    try:
        return check(text)
    except ValueError as error:
        raise WrongKeyError(key, str(error)) from None


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"has {text!r}, which is no network ({error}); write it as 10.0.0.0/8") from None


def _kind(text: str) -> str:
    if text not in KINDS:
        raise WrongKeyError("kinds", f"has {text[:40]!r}; a kind is one of {', '.join(KINDS)}")
    return text


def _routing_key(given: Sequence[str]) -> str:
    if len(given) != 1:
        raise WrongKeyError("secret", "must be the integration's key (one) where the format is pagerduty")
    return given[0]


def _own_secret(db: Database, name: str) -> str:
    fresh = new_secret()
    secret = stored_secret(db, name, fresh)
    if secret == fresh:
        log.warning(
            "The webhook %s has no secret set: made one that signs what it's sent and stored it; "
            "read it with `sqlite-utils rows DATABASE alert_secrets`, DATABASE being the collector's file",
            name,
        )
    return secret
