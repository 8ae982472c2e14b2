"""Names that come from outside, made fit to be stored and shown."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

MAX_NAME = 500

# Control characters, lone surrogates, and the marks that change the direction of text or are invisible.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def clean(name: str) -> str:
    """The name without what can't be shown, cut to `MAX_NAME` characters."""
    return _UNFIT.sub("", name)[:MAX_NAME]


def written_out(text: str) -> str:
    """The text with what can't be shown written as Python would, `\\u202e`: in source it may be what matters."""
    return _UNFIT.sub(lambda found: ascii(found[0])[1:-1], text)


def _not_empty(name: str) -> str:
    cleaned = clean(name).strip()
    if not cleaned:
        raise ValueError("is empty")
    return cleaned


# What is longer by far isn't a name; what is a little longer is cut.
Name = Annotated[str, Field(max_length=100_000), AfterValidator(clean)]
FilledName = Annotated[str, Field(max_length=100_000), AfterValidator(_not_empty)]
