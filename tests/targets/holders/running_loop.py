"""A thread waits in a C function while only its loop's iterator, on its stack of values, holds the objects."""

import threading

from held import make

EXPECTED = "temporary of running running_loop.serve() in thread server"
started, forever = threading.Event(), threading.Lock()
forever.acquire()
found = []


def objects_of():
    objects, addresses = make()
    found.extend(addresses)
    return objects


def serve():
    for number, _ in enumerate(objects_of()):
        if number == 0:
            _ = None
            started.set()
            forever.acquire()


def hold():
    threading.Thread(target=serve, name="server", daemon=True).start()
    started.wait()
    return found
