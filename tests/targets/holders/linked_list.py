"""A million nodes deep: no recursion, and a path that is folded."""

from held import make

EXPECTED = "linked_list.HEAD: Node -> Node.next (1,000,000 times): Node -> Node.value: Held"


class Node:
    __slots__ = ("next", "value")

    def __init__(self, following, value=None):
        self.next = following
        self.value = value


(last,), _addresses = make(1)
HEAD = Node(None, last)
del last
for _ in range(1_000_000):
    HEAD = Node(HEAD)


def hold():
    return _addresses
