"""How leaks of this kind are mended: a pattern for each kind of holder, the nearest that a retention path names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from heaptide_dashboards.views import HopView, PathView


@dataclass(frozen=True)
class Fix:
    """A pattern: what holds the memory in general, what to do, and a few lines of code that show it."""

    title: str
    text: str
    code: str = ""


BOUNDED = Fix(
    "A bounded container holds it",
    "It stops growing by itself when it's full. If that is too much memory, make its bound smaller.",
)
EXTENSION = Fix(
    "An extension holds it, and no Python object leads there",
    "Most often a reference that C code took and never gave back. Compare the release notes of the package that the "
    "stack names, try its next version, and recycle workers until then.",
)
GARBAGE = Fix(
    "Nothing holds it any more",
    "Objects that refer to each other wait for the garbage collector. Look whether it was switched off or frozen, and "
    "break the cycle: a weak reference from child to parent is enough.",
    "child.parent = weakref.ref(parent)",
)
LRU_CACHE = Fix(
    "A cache without a bound: lru_cache(maxsize=None)",
    "Each new set of arguments stays for ever, and on a method so does the object. Give it a bound, or keep the result "
    "on the object itself.",
    "@functools.lru_cache(maxsize=1024)",
)
LOGGING = Fix(
    "A logger or a handler holds it",
    "A handler that is added with each request, or a logger with a name of its own for each object, is never dropped. "
    "Add handlers once at the start, and put what differs into the record.",
    'log = logging.getLogger(__name__)\nlog.info("done", extra={"order": order.id})',
)
TASKS = Fix(
    "Tasks of the event loop that never end",
    "A task lives, with all of its locals, until it's done. Give what it waits for a time limit, or keep its tasks in "
    "a group that ends them.",
    "async with asyncio.timeout(30):\n    await job()",
)
QUEUE = Fix(
    "A queue that is filled faster than it's emptied",
    "Give it a bound: the producer then waits, and the memory stays.",
    "asyncio.Queue(maxsize=1000)  # or collections.deque(maxlen=1000)",
)
RUNNING = Fix(
    "A function that still runs holds it",
    "A local of a frame that never returns, of a thread or a suspended generator, keeps all that it refers to. Drop it "
    "when it's no longer needed, or move the work of one round into a function of its own.",
    "while True:\n    handle(queue.get())  # its locals end with it",
)
THREAD = Fix(
    "Memory of a thread or a context",
    "What is set there lives as long as the thread, and in a pool that is for ever. Reset it when the request ends.",
    "token = request_data.set(data)\ntry:\n    handle()\nfinally:\n    request_data.reset(token)",
)
CLOSURE = Fix(
    "A closure or a callback holds it",
    "A function that was registered somewhere keeps the variables it uses. Unregister it, or let it hold its object "
    "weakly.",
    "signal.connect(weakref.WeakMethod(self.on_change))",
)
DEFAULT = Fix(
    "A mutable default argument",
    "A default is made once, with the function, and all calls share it.",
    "def handle(item, seen=None):\n    seen = [] if seen is None else seen",
)
ON_CLASS = Fix(
    "An attribute of a class, shared by all of its objects",
    "What is put there stays until the process ends. Make it an attribute of the object.",
    "def __init__(self):\n    self.items = []",
)
TABLE = Fix(
    "A module-level table that only grows",
    "Each new key stays for ever. Bound it by number or by age, delete the key when its work is done, or hold the "
    "values weakly.",
    "cache = cachetools.TTLCache(maxsize=10_000, ttl=600)",
)
LIST = Fix(
    "A module-level list or set that only grows",
    "Something is added with each round and never removed. Remove it when its work is done, or keep the last few.",
    "recent = collections.deque(maxlen=1000)",
)
NATIVE = Fix(
    "Memory outside Python's own allocators",
    "No line of Python explains it. Look at extensions that were updated, buffers and images that aren't closed, and "
    "threads; try MALLOC_ARENA_MAX=2 to see whether it is the allocator's.",
)
UNKNOWN = Fix(
    "Its holder isn't known yet",
    "Ask a worker with the button above: the pattern depends on the holder.",
)
NO_PATH = Fix(
    "No holder was found",
    "What was looked at has been freed since, or is held by nothing that Python knows of. Look again when it has "
    "grown; if that finds nothing either, an extension may hold it.",
)

_Test = Callable[[Sequence[HopView], str, str], bool]


def _named(pattern: str) -> _Test:
    """Whether a type or a name on the path matches."""
    return lambda _hops, names, types: bool(re.search(pattern, types) or re.search(pattern, names))


def _root(pattern: str) -> _Test:
    return lambda hops, _names, _types: bool(re.match(pattern, hops[0].name))


def _root_type(pattern: str) -> _Test:
    return lambda hops, _names, _types: bool(re.fullmatch(pattern, hops[0].type))


def _on_a_class(hops: Sequence[HopView], _names: str, _types: str) -> bool:
    # `shop.orders.Order.seen`: the last part but one is written as classes are.
    parts = hops[0].name.split(".")
    return len(parts) > 2 and parts[-2][:1].isupper()


# The most telling first: a task's frame is rather a task than a frame.
_KINDS: tuple[tuple[_Test, Fix], ...] = (
    (_named(r"_lru_cache_wrapper"), LRU_CACHE),
    (_named(r"(^|\s)logging\.|loggerDict"), LOGGING),
    (_named(r"asyncio\.(\w+\.)?(Task|Future)|_asyncio\.|_scheduled_tasks|EventLoop"), TASKS),
    (_named(r"(^|[\s.])(Queue|SimpleQueue|LifoQueue|PriorityQueue|deque)(\s|$)"), QUEUE),
    (_named(r"default of argument"), DEFAULT),
    (_root(r"local .* of running|temporary of running"), RUNNING),
    (_named(r"of thread |context of|contextvar|threading\.local|_thread\._local"), THREAD),
    (_named(r"closure variable|weak reference's callback"), CLOSURE),
    (_on_a_class, ON_CLASS),
    (_root_type(r"list|set|.*\.(list|set)"), LIST),
    (_root_type(r".*dict.*|.*Dict.*|.*Counter|.*ChainMap"), TABLE),
)


def fix_for(kind: str, paths: Sequence[PathView], garbage_share: float | None) -> Fix | None:
    """The pattern for a leak; None where its holder is of no known kind.

    Args:
        kind: of the leak: site, objects or native.
        paths: what holds its samples, most samples first.
        garbage_share: part that nothing holds any more, 0 to 1.
    """
    if kind == "native":
        return NATIVE
    if garbage_share is not None and garbage_share > 0.5:
        return GARBAGE
    if not paths:
        return (UNKNOWN if garbage_share is None else NO_PATH) if kind == "site" else None
    path = paths[0]
    if path.held_from_c or not path.hops:
        return EXTENSION
    if path.bound:
        return BOUNDED
    names, types = (" ".join(parts) for parts in ([hop.name for hop in path.hops], [hop.type for hop in path.hops]))
    return next((fix for test, fix in _KINDS if test(path.hops, names, types)), None)
