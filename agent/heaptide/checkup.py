"""`heaptide status`: what holds in this environment, and whether the collector takes reports from here."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from heaptide import wire
from heaptide.settings import SETTINGS, Settings, resolve
from heaptide.tracer import choose
from heaptide.transport import Transport, Unreachable

TIMEOUT_S = 5.0


def print_status(environ: Mapping[str, str]) -> int:
    """Prints it; returns 0 if reports would arrive, else 1."""
    settings = resolve({}, environ)
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        shown = "(set)" if setting.name == "token" and value else "-" if value is None else value
        _say(f"{setting.name:<13}{shown!s:<32} {_source(settings, setting.name, setting.variable)}")
    tracer = choose(settings.tracer, frames=settings.frames, sample_bytes=settings.sample_bytes)
    _say(f"\nTracer that would run: {tracer.name}.")
    arrives, sentence = check(settings)
    _say(sentence)
    return 0 if arrives else 1


def check(settings: Settings) -> tuple[bool, str]:
    """Asks the collector; whether reports would arrive, and a sentence on it."""
    if not settings.enabled:
        return False, "The agent is off: HEAPTIDE_ENABLED says so."
    if settings.collector is None:
        return False, "The agent is off: HEAPTIDE_COLLECTOR isn't set, such as http://127.0.0.1:8787."
    try:
        # A report that is none: a collector looks at the token first, then refuses the content.
        answer = Transport(settings).post("/api/v1/reports", {}, content_type=wire.CONTENT_TYPE, timeout_s=TIMEOUT_S)
    except (Unreachable, OSError) as error:
        return False, f"The collector can't be reached: {error}."
    if answer.status in (400, 422):
        return True, "The collector is there and takes reports from here."
    if answer.status in (401, 403):
        return (
            False,
            f"The collector is there, but refuses the token (HTTP status {answer.status}): set HEAPTIDE_TOKEN.",
        )
    return False, f"What answers there is no collector: {answer.message}."


def _source(settings: Settings, name: str, variable: str) -> str:
    source = settings.sources[name]
    return f"default ({variable})" if source == "default" else source


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
