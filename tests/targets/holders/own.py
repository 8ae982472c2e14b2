"""Objects that only the agent holds."""

import heaptide.gate
from held import make

EXPECTED = ""


def hold():
    objects, addresses = make()
    gate = heaptide.gate.Gate()
    gate.kept = objects
    heaptide.gate.KEPT = gate
    return addresses
