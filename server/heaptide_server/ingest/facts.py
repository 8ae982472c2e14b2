"""What probes told, made fit to be stored and shown: small, shallow, and with no number that JSON lacks."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue

from heaptide_server.ingest.names import clean

MAX_PROBES = 32
MAX_FACTS_BYTES = 8192  # of one probe; the agent keeps to half of it
MAX_DEPTH = 6


def _fit(facts: dict[str, dict[str, JsonValue]]) -> dict[str, dict[str, Any]]:
    if too_large := [name for name, told in facts.items() if len(json.dumps(told)) > MAX_FACTS_BYTES]:
        raise ValueError(f"has facts of {too_large[0][:40]!r} that take more than {MAX_FACTS_BYTES} bytes")
    return {clean(name): {clean(key): _value(value, 1) for key, value in told.items()} for name, told in facts.items()}


def _value(value: JsonValue, depth: int) -> JsonValue:
    if depth > MAX_DEPTH:
        raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        return {clean(key): _value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_value(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("has a number that isn't finite")
    return clean(value) if isinstance(value, str) else value


Facts = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40)], dict[str, JsonValue]],
    Field(max_length=MAX_PROBES),
    AfterValidator(_fit),
]
