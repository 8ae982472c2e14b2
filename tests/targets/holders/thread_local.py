import threading

from held import make

EXPECTED = "thread_local.LOCAL: _local -> "
LOCAL = threading.local()


def hold():
    objects, addresses = make()
    LOCAL.seen = objects
    return addresses
