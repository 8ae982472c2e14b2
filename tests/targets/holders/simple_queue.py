import queue

from held import make

EXPECTED = "simple_queue.JOBS: SimpleQueue -> in SimpleQueue: "
JOBS = queue.SimpleQueue()


def hold():
    objects, addresses = make()
    for one in objects:
        JOBS.put(one)
    return addresses
