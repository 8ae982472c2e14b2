"""Objects that only a running function of the agent holds."""

from held import make

import heaptide.gate
from heaptide.heap import retention

FATE = "o"
stash = []

exec("def diagnose(stash, find):\n    kept = stash.pop()\n    return find(), kept", vars(heaptide.gate))


def find(*arguments, **options):
    return heaptide.gate.diagnose(stash, lambda: retention.find(*arguments, **options))[0]


def hold():
    objects, addresses = make()
    stash.append(objects)
    return addresses
