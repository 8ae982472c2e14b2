"""What garbage holds through a tuple that the collector no longer tracks."""

import gc

FATE = "g"
KIND = "bytes"


class Node:
    pass


def hold():
    texts = [(bytes(100 + number),) for number in range(5)]
    gc.collect()  # takes the tuples out of the collector's lists
    gc.disable()
    for text in texts:
        node = Node()
        node.me, node.text = node, text
    return [id(text[0]) for text in texts]
