"""An exception whose traceback's frame holds the exception."""

import gc

from held import make

FATE = "g"
found = []


def handle():
    rows, addresses = make()
    found.extend(addresses)
    try:
        raise ValueError(len(rows))
    except ValueError as error:
        kept = error
    return kept is not None


def hold():
    gc.disable()
    handle()
    return found
