from __future__ import annotations

import asyncio
import gzip

import pytest

from heaptide_server.ingest.limits import read_body
from heaptide_server.ingest.problem import Problem


def read(data, encoding="gzip", most_sent=1000, most_bytes=10_000):
    async def chunks():
        for first in range(0, len(data), 100):
            yield data[first : first + 100]

    return asyncio.run(read_body(chunks(), encoding, most_sent, most_bytes))


@pytest.mark.parametrize("encoding", ["gzip", " GZIP "])
def test_gzip_is_unfolded(encoding):
    assert read(gzip.compress(b"hello"), encoding) == b"hello"


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_what_is_not_compressed_is_taken_as_it_is(encoding):
    assert read(b"hello", encoding) == b"hello"


@pytest.mark.parametrize(
    ("data", "encoding", "status"),
    [
        (b"x" * 1001, "identity", 413),
        (gzip.compress(b"x" * 10_001), "gzip", 413),
        (b"x" * 1001, "gzip", 413),
        (b"hello", "br", 415),
        (b"hello", "gzip, gzip", 415),
        (b"hello", "gzip", 400),
        (gzip.compress(b"hello")[:-2], "gzip", 400),
        (gzip.compress(b"hello") + b"more", "gzip", 400),
        (b"", "gzip", 400),
    ],
)
def test_what_is_too_large_or_damaged_is_refused(data, encoding, status):
    with pytest.raises(Problem) as caught:
        read(data, encoding)
    assert caught.value.status == status


def test_a_body_at_its_limits_is_taken():
    assert len(read(gzip.compress(b"x" * 10_000))) == 10_000
    assert len(read(b"x" * 1000, "identity")) == 1000
