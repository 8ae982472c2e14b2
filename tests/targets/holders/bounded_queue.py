import queue

from held import make

EXPECTED = "bounded_queue.JOBS: Queue (at most 100) -> Queue.queue: deque of 5 -> [index]: Held"
JOBS = queue.Queue(maxsize=100)


def hold():
    objects, addresses = make()
    for one in objects:
        JOBS.put(one)
    return addresses
