"""msgpack 1.1.2: what was built before an invalid byte inside nested arrays is never released (msgpack-python#671)."""

import contextlib
import itertools

import msgpack

NUMBERS = itertools.count(1)


def step() -> None:
    number = next(NUMBERS)
    inner = msgpack.packb({"k": "v" * 50, "n": number})
    body = b"\x93" + msgpack.packb(f"client-{number}") + b"\x92" + inner + b"\xc1"
    with contextlib.suppress(msgpack.exceptions.FormatError):
        msgpack.unpackb(body)
