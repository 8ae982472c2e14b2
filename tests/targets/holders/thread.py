"""A thread's arguments, alive as long as the thread is."""

import threading

from held import make

EXPECTED = "threading._active: dict of "
ALSO = "[key]: Worker -> Worker.jobs: list of 5 -> [index]: Held"
forever = threading.Event()


class Worker(threading.Thread):
    def __init__(self, jobs):
        super().__init__(daemon=True)
        self.jobs = jobs

    def run(self):
        forever.wait()


def hold():
    objects, addresses = make()
    Worker(objects).start()
    return addresses
