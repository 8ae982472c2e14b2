"""A request's body within its limits: how long it may take, how large it is sent, how large it becomes."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from heaptide_server.ingest.problem import Problem

# A sender that dribbles holds a connection, not a thread; a minute is long for a megabyte.
BODY_TIMEOUT_S = 60.0


async def read_body(chunks: AsyncIterator[bytes], encoding: str, most_sent: int, most_bytes: int) -> bytes:
    """The body, decompressed.

    Args:
        chunks: the body as it comes in.
        encoding: value of the header Content-Encoding.
        most_sent: how many bytes may be sent.
        most_bytes: how many they may be once decompressed; decompression stops there.

    Raises:
        Problem: 408, 413, 415 (an encoding other than gzip), 400 (damaged).
    """
    encoding = encoding.strip().lower()
    if encoding not in ("", "identity", "gzip"):
        message = f"The content encoding {encoding[:40]!r} can't be read; send gzip or none."
        raise Problem(415, "unsupported_encoding", message)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            sent = await _read(chunks, most_sent if encoding == "gzip" else min(most_sent, most_bytes))
    except TimeoutError as error:
        message = f"The body didn't arrive within {BODY_TIMEOUT_S:.0f} s; send it again."
        raise Problem(408, "too_slow", message) from error
    return _gunzip(sent, most_bytes) if encoding == "gzip" else sent


async def _read(chunks: AsyncIterator[bytes], most_sent: int) -> bytes:
    sent = bytearray()
    async for chunk in chunks:
        sent += chunk
        if len(sent) > most_sent:
            raise Problem(413, "too_large", f"The body is larger than {most_sent} bytes; send smaller reports.")
    return bytes(sent)


def _gunzip(sent: bytes, most_bytes: int) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        body = inflater.decompress(sent, most_bytes)
    except zlib.error as error:
        raise Problem(400, "bad_gzip", f"The body isn't gzip: {error}.") from error
    if inflater.unconsumed_tail:
        message = f"The body is larger than {most_bytes} bytes once decompressed; send smaller reports."
        raise Problem(413, "too_large", message)
    if not inflater.eof or inflater.unused_data:
        raise Problem(400, "bad_gzip", "The gzip body is cut off, or something follows it.")
    return body
