"""weakref.finalize with a method of the object itself: the registry of finalizers holds whose end it waits for.

VARIANT=fixed hands over a function that knows the name alone.
"""

import functools
import itertools
import os
import weakref

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
NUMBERS = itertools.count(1)
OPEN: set[str] = set()


class Upload:
    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[bytes] = []
        OPEN.add(name)
        weakref.finalize(self, self.close if LEAKY else functools.partial(OPEN.discard, name))

    def receive(self, part: bytes) -> None:
        self.parts.append(part)

    def close(self) -> None:
        OPEN.discard(self.name)


def step() -> None:
    number = next(NUMBERS)
    upload = Upload(f"photo-{number}.jpg")
    for part in range(3):
        upload.receive(bytes([number % 256, part]) * 150)
