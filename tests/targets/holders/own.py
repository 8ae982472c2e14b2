"""Objects that only the agent holds."""

from held import make

import heaptide.gate

FATE = "o"


def hold():
    objects, addresses = make()
    gate = heaptide.gate.Gate()
    gate.kept = objects
    heaptide.gate.KEPT = gate
    return addresses
