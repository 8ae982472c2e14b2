"""Workers' answers to the collector's requests, field by field as `heaptide.wire` tells them: nothing unknown, nothing
without a bound."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from heaptide_server.ingest.names import Name, written_out

MAX_SITES = 32
MAX_TYPES = 20
MAX_PATHS = 20
MAX_HOPS = 50
MAX_EXCERPTS = 10
MAX_LINES = 50
MAX_LINE = 1000
MAX_NUMBER = 1 << 53
MAX_SITE_NUMBER = 1_000_000

Count = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
Amount = Annotated[float, Field(ge=0, le=float(MAX_NUMBER))]
LineNumber = Annotated[int, Field(ge=0, le=1 << 31)]
SourceLine = Annotated[str, Field(max_length=100_000), AfterValidator(lambda line: written_out(line)[:MAX_LINE])]
# Estimates of one sum and of its parts may differ in their last digit.
Share = Annotated[float, Field(ge=0, le=1.000001)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class TypeShare(_Part):
    """A type's share of a site's live samples."""

    name: Name
    share: Share


class Ages(_Part):
    """A site's live bytes by age."""

    under_1_min: Amount
    under_5_min: Amount
    under_30_min: Amount
    under_2_h: Amount
    older: Amount


class HopPart(_Part):
    """One object on a path: how the one before refers to it, its type, its elements and the most it may hold."""

    name: Name
    type: Name
    length: Count | None = None
    bound: Count | None = None


class Path(_Part):
    """One way in which samples are held, the holder first."""

    count: Annotated[int, Field(ge=1, le=MAX_NUMBER)]
    hops: Annotated[list[HopPart], Field(min_length=1, max_length=MAX_HOPS)]


class Excerpt(_Part):
    """Source around a frame, or a note why there is none."""

    file: Name
    function: Name
    line: LineNumber
    first: LineNumber
    lines: Annotated[list[SourceLine], Field(max_length=MAX_LINES)]
    note: Name = ""


class SiteAnswer(_Part):
    """What was found of one site; what the walk over the heap would have told is null where it was refused."""

    site: Annotated[int, Field(ge=0, le=MAX_SITE_NUMBER)]
    samples: Count | None = None
    types: Annotated[list[TypeShare], Field(max_length=MAX_TYPES)] | None = None
    ages: Ages | None = None
    retention: Annotated[list[Path], Field(max_length=MAX_PATHS)] | None = None
    garbage_share: Share | None = None
    excerpts: Annotated[list[Excerpt], Field(max_length=MAX_EXCERPTS)] | None = None


class Cost(_Part):
    """What a diagnosis cost the worker."""

    fork_s: Amount | None = None
    walk_s: Amount | None = None
    objects: Count | None = None


class Answer(_Part):
    """The answer to one request."""

    id: Annotated[str, Field(max_length=200)]
    status: Literal["done", "refused"]
    reason: Name | None = None
    sites: Annotated[list[SiteAnswer], Field(max_length=MAX_SITES)] = []
    cost: Cost | None = None
