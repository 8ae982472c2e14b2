"""A script that hands work to two children of `multiprocessing`, which count it last of all; prints their numbers."""

import multiprocessing
import sys
import time

import heaptide


def work() -> None:
    heaptide.start()
    while not heaptide.status()["acknowledged"]:
        time.sleep(0.01)
    heaptide.count_request(5)


if __name__ == "__main__":
    processes = multiprocessing.get_context(sys.argv[1])
    heaptide.start()
    children = [processes.Process(target=work) for _ in range(2)]
    for child in children:
        child.start()
    print(*(child.pid for child in children))
    for child in children:
        child.join()
