"""Fields of a form as browsers send it by default."""

from __future__ import annotations

import math
from urllib.parse import parse_qsl

from fastapi import Request

from heaptide_server.pages.problems import Problem

MOST_BYTES = 4096
MIB = 1 << 20
MOST_MIB = float(1 << 40)


async def form_fields(request: Request) -> dict[str, str]:
    """The fields; of one that comes twice the last.

    Raises:
        Problem: 413, it's larger than any form here.
    """
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise Problem(413, "Too large", f"A form here has at most {MOST_BYTES} bytes.")
    return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=20))


def grown_bytes(fields: dict[str, str]) -> float | None:
    """How much each worker may grow until a muted leak is told; None mutes for good.

    Raises:
        Problem: 422, it's no positive number of MiB.
    """
    text = fields.get("grown_mib", "").strip()
    if not text:
        return None
    try:
        mib = float(text)
    except ValueError:
        mib = math.nan
    if not 0 < mib <= MOST_MIB:
        raise Problem(
            422, "Not muted", f"grown_mib={text[:40]!r} is no number of MiB; leave it empty to mute for good."
        )
    return mib * MIB
