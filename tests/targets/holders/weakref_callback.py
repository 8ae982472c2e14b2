import weakref

from held import Held, make

EXPECTED = "weak reference's callback: function -> closure variable seen of"
ANCHOR = Held(0)


def watch(seen):
    return weakref.ref(ANCHOR, lambda _: seen.clear())


_seen, _addresses = make()
REFERENCE = watch(_seen)
del _seen


def hold():
    return _addresses
