"""A suspended generator that is one of its own frame's locals."""

import gc

from held import make

FATE = "g"
found = []


def pages(me):
    rows, addresses = make()
    found.extend(addresses)
    me.append(pages)
    yield rows
    me.clear()


def hold():
    gc.disable()
    me = []
    generator = pages(me)
    next(generator)
    me.append(generator)
    return found
