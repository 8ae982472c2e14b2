import threading

from held import make

EXPECTED = "local rows of running running_frame.serve() in thread server: list of 5 -> [index]: Held"
started, forever = threading.Event(), threading.Event()
found = []


def serve():
    rows, addresses = make()
    found.extend(addresses)
    del addresses
    started.set()
    forever.wait()
    return rows


def hold():
    threading.Thread(target=serve, name="server", daemon=True).start()
    started.wait()
    return found
