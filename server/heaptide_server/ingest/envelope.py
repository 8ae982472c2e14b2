"""A report's envelope, field by field as `heaptide.wire` tells it: nothing unknown, nothing out of range."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field, model_validator

from heaptide.wire import COSTS, VITALS
from heaptide_server.ingest.answers import Answer
from heaptide_server.ingest.facts import Facts
from heaptide_server.ingest.names import FilledName, Name

# Every whole number that a double, and so any JSON reader, tells from its neighbours.
MAX_NUMBER = 1 << 53
MAX_STACK = 256
MAX_DEFINITIONS = 50_000
MAX_NUMBERED = 1_000_000
MAX_INTERVAL_S = 86_400.0
MAX_ANSWERS = 1000
# Paths share most of their names, so that what travels as little may become much.
MAX_ANSWERS_BYTES = 1 << 20
# Year 2255: later clocks are wrong.
MAX_TIME = 9e9

Whole = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
Time = Annotated[float, Field(ge=0, le=MAX_TIME)]
Amount = Annotated[float, Field(ge=0, le=float(MAX_NUMBER))]
Index = Annotated[int, Field(ge=0, le=MAX_NUMBERED)]
FrameRow = tuple[Name, Name, Annotated[int, Field(ge=0, le=1 << 31)], bool]
Stack = Annotated[list[Index], Field(max_length=MAX_STACK)]


def _told(names: tuple[str, ...]) -> Any:
    def check(values: dict[str, Any]) -> dict[str, Any]:
        if unknown := [name[:40] for name in values if name not in names]:
            raise ValueError(f"has {', '.join(map(repr, unknown[:3]))}, which is none of {', '.join(names)}")
        return values

    return AfterValidator(check)


def _bounded(answers: list[Answer]) -> list[Answer]:
    if sum(len(answer.model_dump_json()) for answer in answers) > MAX_ANSWERS_BYTES:
        raise ValueError(f"takes more than {MAX_ANSWERS_BYTES} bytes")
    return answers


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Worker(_Part):
    """Who reports."""

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    service: FilledName
    environment: FilledName
    host: FilledName
    pid: Annotated[int, Field(ge=0, le=1 << 31)]
    started_at: Time
    release: FilledName | None = None
    python: Name
    agent: Name
    server: Name | None = None
    interval_s: Annotated[float, Field(gt=0, le=MAX_INTERVAL_S)]


class Tracer(_Part):
    """How the memory was looked at."""

    name: Name
    frames: Whole
    sample_bytes: Whole | None = None
    traced_bytes: Whole | None = None
    skipped: bool = False


class Sites(_Part):
    """New stacks, and changes of sites."""

    first: Index
    frames: Annotated[list[FrameRow], Field(max_length=MAX_NUMBERED)]
    define: Annotated[list[Stack], Field(max_length=MAX_DEFINITIONS)]
    changes: Base64Bytes


class Types(_Part):
    """New types, and changes of their counts."""

    first: Index
    define: Annotated[list[Name], Field(max_length=MAX_DEFINITIONS)]
    changes: Base64Bytes


class Envelope(_Part):
    """One report."""

    version: Literal[1]
    worker: Worker
    base: Whole
    sequence: Annotated[int, Field(ge=1, le=MAX_NUMBER)]
    taken_at: Time
    sent_at: Time
    elapsed_s: Amount
    final: bool
    requests: Whole
    vitals: Annotated[dict[str, Amount | None], _told(VITALS)]
    tracer: Tracer
    sites: Sites
    types: Types
    agent: Annotated[dict[str, Amount], _told(COSTS)]
    answers: Annotated[list[Answer], Field(max_length=MAX_ANSWERS), AfterValidator(_bounded)] = []
    facts: Facts = {}

    @model_validator(mode="after")
    def _chain(self) -> Envelope:
        if self.base >= self.sequence:
            raise ValueError(f"base {self.base} isn't earlier than sequence {self.sequence}")
        if self.base == 0 and (self.sites.first or self.types.first):
            raise ValueError("base 0 defines all anew, so sites.first and types.first must be 0")
        return self
