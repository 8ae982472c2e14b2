"""Work that takes memory and gives it back at once: steady churn."""

from __future__ import annotations

import zlib


def checksum(page: str) -> int:
    """The checksum of a page's copies."""
    copies = [page + str(number) for number in range(10)]
    return zlib.crc32("".join(copies).encode())
