"""Forks while the agent runs, again and again, with its lock held by another thread; prints what the children saw."""

import os
import signal
import threading

import heaptide
from heaptide.lifecycle import AGENT

heaptide.start()
lock, held, release = AGENT._lock, threading.Event(), threading.Event()


def hold() -> None:
    with lock:
        held.set()
        release.wait()


threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    before = heaptide.status()["state"]
    heaptide.count_request(3)
    after = heaptide.status()
    heaptide.stop()
    print(before, after["state"], after["requests"], flush=True)
    os._exit(0)
os.waitpid(child, 0)
release.set()
