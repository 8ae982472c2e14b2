"""What holds blocks, found by objgraph where the walker wasn't built: on small heaps only, for it stops the process."""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

from heaptide.heap.answer import Found, Link, Root

MOST_OBJECTS = 20_000  # objgraph scans all of them for each hop: some 10 ms a block
MOST_BLOCKS = 8
_OF_MODULE = 1


def chains(targets: Sequence[tuple[int, int]]) -> list[Found] | None:
    """What holds these blocks, for the first eight that are objects which the collector tracks.

    Args:
        targets: address and size in bytes of each block.

    Returns:
        None where the heap is too large. A block for which no chain was found may be garbage as well as held.
    """
    import objgraph

    objects = gc.get_objects()
    if len(objects) > MOST_OBJECTS:
        return None
    ordered = sorted(targets)
    starts = [address for address, _ in ordered]
    found: list[Found] = []
    for one in objects:
        at = bisect_right(starts, id(one)) - 1
        if at >= 0 and id(one) < sum(ordered[at]) and len(found) < MOST_BLOCKS:
            chain = objgraph.find_backref_chain(one, objgraph.is_proper_module, extra_ignore={id(objects), id(found)})
            found.append(_found(ordered[at][0], chain))
    return found


def _found(address: int, chain: list[object]) -> Found:
    kind = _name(type(chain[-1]))
    if not isinstance(chain[0], ModuleType) or len(chain) < 2:
        return Found(address, "-", False, kind)
    root = Root(_OF_MODULE, str(vars(chain[0]).get("__name__")), "", 0)
    links = [_link(None, chain[1]), *(_link(before, one) for before, one in pairwise(chain[1:]))]
    return Found(address, "h", False, kind, root, 0, tuple(links))


def _link(before: object, one: object) -> Link:
    edge, name, position = "r", "", -1
    if isinstance(before, dict):
        keys = [key for key, value in dict.items(before) if value is one]
        edge, name = ("k", keys[0] if keys and type(keys[0]) is str else "") if keys else ("K", "")
    elif isinstance(before, (list, tuple)):
        edge, position = "i", next((at for at, value in enumerate(before) if value is one), -1)
    elif before is not None:
        edge = "d" if type(one) is dict else "?"
    length = len(one) if type(one) in (dict, list, tuple, set) else -1  # type: ignore[arg-type]
    own = _name(one) if isinstance(one, type) else ""
    return Link(edge, name, position, _name(type(one)), own, length, -1)


def _name(kind: type) -> str:
    module, name = type.__dict__["__module__"].__get__(kind), type.__dict__["__qualname__"].__get__(kind)
    return name if module == "builtins" else f"{module}.{name}"
