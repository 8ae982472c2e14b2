"""What a weak reference alone leads to is garbage, however well known the reference is."""

import gc
import weakref

from held import make

FATE = "g"
SEEN = weakref.WeakValueDictionary()


class Node:
    pass


def hold():
    gc.disable()
    objects, addresses = make()
    for number, one in enumerate(objects):
        node = Node()
        node.me, node.one = node, one
        SEEN[number] = node
    return addresses
