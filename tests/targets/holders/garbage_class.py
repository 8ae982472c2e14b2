"""A class is a cycle by itself; what it holds goes when the collector frees it."""

import gc

from held import make

FATE = "g"


def hold():
    gc.disable()
    objects, addresses = make()
    type("Forgotten", (), {"seen": objects})
    return addresses
