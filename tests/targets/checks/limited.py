"""A worker without a server that uses what it is told to: limited.py WHAT.

holds: as many MiB as HOLD_MIB says. burns: its CPU for as large a part of the time as BURN_SHARE says. numpy: its
import, which starts as many threads as there are CPUs.
"""

import importlib
import os
import sys
import time

import heaptide

WHAT = sys.argv[1]
if WHAT == "numpy":
    importlib.import_module("numpy")
heaptide.start()
held = bytearray(b"x") * (int(os.environ.get("HOLD_MIB", "0")) * 2**20)
share = float(os.environ.get("BURN_SHARE", "0"))
while True:
    until = time.monotonic() + 0.1 * share
    while time.monotonic() < until:
        pass
    time.sleep(0.1 * (1 - share) + 0.001)
