"""A worker without a server, and one way to treat the garbage collector: garbage.py WAY.

off: it never runs, and cycles gather: a fault. frozen: off during the start-up alone: looks like it, and isn't.
saves: a debugging flag keeps what is found: a fault. debugs: one that keeps nothing: looks like it, and isn't.
uncollectable: cycles with an object that has tp_del, as some extensions' have: a fault. cycles: cycles without.
"""

import gc
import sys
import time

import heaptide

MANY = 150_000


class Node:
    def __init__(self):
        self.itself = self


def cycles(many=MANY):
    for _ in range(many):
        Node()


def off():
    gc.disable()
    cycles()


def frozen():
    gc.disable()
    cycles()
    gc.freeze()
    gc.enable()
    cycles()


def saves():
    gc.set_debug(gc.DEBUG_SAVEALL)
    cycles(1000)
    gc.collect()


def debugs():
    gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
    cycles(1000)
    gc.collect()


def uncollectable():
    from _testcapi import with_tp_del

    @with_tp_del
    class Legacy(Node):
        def __tp_del__(self):
            pass

    for _ in range(12):
        Legacy()
    gc.collect()


heaptide.start()
globals()[sys.argv[1]]()
while True:
    time.sleep(1)
