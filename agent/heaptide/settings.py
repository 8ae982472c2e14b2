"""The agent's settings: one table, read once. An argument wins over `HEAPTIDE_*`, that over what the ecosystem set."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LOG = logging.getLogger("heaptide")
MIN_INTERVAL_S = 0.5
TRACERS = ("auto", "sampling", "exact", "off")
_IPV6 = set("0123456789abcdefABCDEF:.")
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _text(value: object) -> str:
    text = str(value).strip()
    if not text.isprintable() or len(text) > 200:
        raise ValueError("a line of at most 200 printable characters")
    return text


def _url(value: object) -> str:
    # By hand: urllib, and a pattern to compile, would cost the app's start-up more than all the rest here.
    text = str(value).strip().rstrip("/")
    scheme, _, rest = text.partition("://")
    place = rest.partition("/")[0]
    host, colon, port = (place, "", "") if place.endswith("]") else place.rpartition(":")
    host = host if colon else place
    named = (bool(host) and not set(host) & set("@[]:")) or (host[:1] + host[-1:] == "[]" and set(host[1:-1]) <= _IPV6)
    in_range = not colon or (port.isdecimal() and len(port) <= 5 and int(port) <= 65_535)
    if scheme not in ("http", "https") or not named or not in_range or set(text) & set(" \t\r\n?#"):
        raise ValueError("a URL such as http://127.0.0.1:8787, with no password in it")
    return text


def _flag(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in _YES + _NO:
        raise ValueError(f"one of {', '.join(_YES + _NO)}")
    return text in _YES


def _tracer(value: object) -> str:
    text = str(value).strip().lower()
    if text not in TRACERS:
        raise ValueError(f"one of {', '.join(TRACERS)}")
    return text


def _number(least: float, most: float, kind: type) -> Callable[[object], Any]:
    allowed = f"a number from {least:g} to {most:g}"

    def parse(value: object) -> Any:
        try:
            number = kind(str(value).strip())
        except ValueError:
            raise ValueError(allowed) from None
        if not least <= number <= most:
            raise ValueError(allowed)
        return number

    return parse


class Setting(NamedTuple):
    """One row of the table.

    Attributes:
        name: the argument of `heaptide.start` and the field of `Settings`.
        variable: its own environment variable.
        ecosystem: variables of others, tried in order; "otel:KEY" is a key in OTEL_RESOURCE_ATTRIBUTES.
        default: what holds when nobody set it.
        parse: turns what was given into the value; raises ValueError with what is allowed.
        doc: one line for people.
    """

    name: str
    variable: str
    ecosystem: tuple[str, ...]
    default: Any
    parse: Callable[[object], Any]
    doc: str


SETTINGS = (
    Setting("enabled", "HEAPTIDE_ENABLED", (), True, _flag, "Off switch: 0 keeps the agent off whatever else is set."),
    Setting("collector", "HEAPTIDE_COLLECTOR", (), None, _url, "The collector's URL. Not set: the agent is off."),
    Setting(
        "service",
        "HEAPTIDE_SERVICE",
        ("OTEL_SERVICE_NAME", "otel:service.name", "DD_SERVICE", "ELASTIC_APM_SERVICE_NAME"),
        None,
        _text,
        "The service's name. Not set: the package that the app is in.",
    ),
    Setting(
        "environment",
        "HEAPTIDE_ENVIRONMENT",
        ("SENTRY_ENVIRONMENT", "DD_ENV", "otel:deployment.environment.name", "otel:deployment.environment"),
        "production",
        _text,
        "Where it runs: production, staging, ...",
    ),
    Setting(
        "release",
        "HEAPTIDE_RELEASE",
        ("SENTRY_RELEASE", "DD_VERSION", "otel:service.version"),
        None,
        _text,
        "The release. Not set: git's HEAD, then what the platform sets (Heroku, CodeBuild, CircleCI, Google Cloud).",
    ),
    Setting("token", "HEAPTIDE_TOKEN", (), None, _text, "The collector's ingest token."),
    Setting("token_file", "HEAPTIDE_TOKEN_FILE", (), None, str, "A file with the token, read again if refused."),
    Setting(
        "interval_s",
        "HEAPTIDE_INTERVAL",
        (),
        30.0,
        _number(MIN_INTERVAL_S, 3600, float),
        "Seconds between two reports, at least 0.5.",
    ),
    Setting("tracer", "HEAPTIDE_TRACER", (), "auto", _tracer, "How to trace: auto, sampling, exact or off."),
    Setting(
        "sample_bytes",
        "HEAPTIDE_SAMPLE_BYTES",
        (),
        None,
        _number(1024, 1 << 30, int),
        "Mean bytes between two samples. Not set: the tracer's own.",
    ),
    Setting(
        "frames", "HEAPTIDE_FRAMES", (), None, _number(1, 64, int), "Stack frames kept. Not set: the tracer's own."
    ),
    Setting(
        "ca_file",
        "HEAPTIDE_CA_FILE",
        ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
        None,
        str,
        "Certificates to trust for an https collector.",
    ),
    Setting(
        "ask_database",
        "HEAPTIDE_ASK_DATABASE",
        (),
        False,
        _flag,
        "Ask each database once how many connections it allows, on an idle connection of the service's own pool.",
    ),
    Setting(
        "source",
        "HEAPTIDE_SOURCE",
        (),
        False,
        _flag,
        "Send a few lines of the service's own source around a leak with what holds it.",
    ),
)


@dataclass(frozen=True)
class Settings:
    """What holds in this process. `sources` says for each name where its value came from."""

    enabled: bool
    collector: str | None
    service: str | None
    environment: str
    release: str | None
    token: str | None = field(repr=False)
    token_file: str | None
    interval_s: float
    tracer: str
    sample_bytes: int | None
    frames: int | None
    ca_file: str | None
    ask_database: bool
    source: bool
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def resolve(arguments: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Reads the settings. A value that isn't allowed is told in one log line, and the default holds instead.

    Args:
        arguments: what was given to `heaptide.start`, by name; None counts as not given.
        environ: the process's environment.
    """
    attributes = _resource_attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        values[setting.name], sources[setting.name] = _value(setting, arguments, environ, attributes)
    return Settings(**values, sources=sources)


def _value(
    setting: Setting, arguments: Mapping[str, object], environ: Mapping[str, str], attributes: Mapping[str, str]
) -> tuple[Any, str]:
    source, given = _given(setting, arguments, environ, attributes)
    if given is None:
        return setting.default, "default"
    try:
        return setting.parse(given), source
    except ValueError as allowed:
        shown = "the value given" if setting.name == "token" else repr(given)
        LOG.warning("heaptide: %s is %s, which isn't %s; using %r", source, shown, allowed, setting.default)
        return setting.default, "default"


def _given(
    setting: Setting, arguments: Mapping[str, object], environ: Mapping[str, str], attributes: Mapping[str, str]
) -> tuple[str, object | None]:
    if (argument := arguments.get(setting.name)) is not None:
        return f"argument {setting.name}", argument
    for variable in (setting.variable, *setting.ecosystem):
        key = variable.removeprefix("otel:")
        if value := (environ if key == variable else attributes).get(key, "").strip():
            return (variable if key == variable else f"OTEL_RESOURCE_ATTRIBUTES {key}"), value
    return "default", None


def _resource_attributes(text: str) -> dict[str, str]:
    """OpenTelemetry's "key=value,key=value", values percent-encoded."""
    pairs = (part.partition("=") for part in text.split(","))
    found = {key.strip(): value.strip() for key, _, value in pairs if value.strip()}
    if "%" in text:
        from urllib.parse import unquote

        found = {key: unquote(value) for key, value in found.items()}
    return found
