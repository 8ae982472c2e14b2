"""The process that walks: whatever becomes of it, the service neither waits nor notices."""

from __future__ import annotations

import platform
import re

import pytest

PRELUDE = """
import ctypes, gc, json, mmap, os, signal, sys, threading, time
from heaptide.heap import retention
gc.disable()

class Kept: pass
KEPT = [Kept() for _ in range(10)]
TARGETS = [(id(one), 8) for one in KEPT]

def files():
    return sorted(os.listdir("/proc/self/fd"))

def children():
    return open(f"/proc/self/task/{os.getpid()}/children").read().split()

def tell(result, **more):
    reason = getattr(result, "reason", None)
    paths = [str(path) for path in getattr(result, "paths", [])]
    print(json.dumps({"reason": reason, "paths": paths, "note": getattr(result, "note", ""), **more}), flush=True)
    os._exit(0)  # a last collection would call a lying traverse function

class Liar: pass
LIAR = Liar()

def lie(function):
    # tp_traverse is the 24th word of a type object; the collector never runs here.
    ctypes.c_void_p.from_address(id(Liar) + 184).value = ctypes.cast(function, ctypes.c_void_p).value

LIBC = ctypes.CDLL(None)

PAGES = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)

def machine_code(code):
    PAGES.write(code)
    return ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(PAGES)))
"""
X86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="it is machine code for x86-64")
HELD = "__main__.KEPT: list of 10 -> [index]: Kept"


def test_nothing_of_the_child_remains(run):
    found = run(
        PRELUDE
        + """
before = files()
for _ in range(20):
    result = retention.find(TARGETS)
tell(result, files=files() == before, children=children())
"""
    )
    assert found == {"reason": None, "paths": [HELD], "note": "", "files": True, "children": []}


def test_a_walk_that_hangs_is_killed_in_time(run):
    found = run(
        PRELUDE
        + """
signal.alarm(30)
lie(LIBC.pause)
before, began = files(), time.monotonic()
result = retention.find([(8, 8)], time_limit_s=1)  # an address of nobody's: the whole heap is walked
tell(result, took_s=time.monotonic() - began, files=files() == before, children=children())
"""
    )
    assert found["took_s"] < 3
    assert found["files"]
    assert not found["children"]


@X86_64
def test_a_walk_that_never_looks_at_the_clock_is_killed_in_time(run):
    found = run(
        PRELUDE
        + """
lie(machine_code(b"\\xeb\\xfe"))  # jumps to itself
began = time.monotonic()
result = retention.find([(8, 8)], time_limit_s=1)
tell(result, took_s=time.monotonic() - began, children=children())
"""
    )
    assert "given up" in found["reason"]
    assert found["took_s"] < 3
    assert not found["children"]


@pytest.mark.parametrize("lie", ["LIBC.abort", "ctypes.c_void_p(8)", "LIBC.strlen"])
def test_a_traverse_function_that_crashes_costs_its_object_only(run, lie):
    found = run(PRELUDE + f"lie({lie})\ntell(retention.find([*TARGETS, (8, 8)]))")
    assert found["paths"] == [HELD]
    assert found["reason"] is None


@X86_64
@pytest.mark.parametrize("thread", [False, True])
def test_a_traverse_function_that_recurses_without_end_costs_its_object_only(run, thread):
    found = run(
        PRELUDE
        + f"THREAD = {thread}"
        + """
lie(machine_code(b"\\xe8\\xfb\\xff\\xff\\xff"))  # calls itself
def find():
    result = retention.find([*TARGETS, (8, 8)])
    tell(result, children=children())
find() if not THREAD else threading.Thread(target=find).start()
"""
    )
    assert found == {"reason": None, "paths": [HELD], "note": "", "children": []}


def test_a_child_that_is_killed_gives_a_reason(run):
    found = run(
        PRELUDE
        + """
lie(LIBC.pause)
def kill():
    while not children():
        time.sleep(0.01)
    os.kill(int(children()[0]), signal.SIGKILL)
threading.Thread(target=kill).start()
tell(retention.find([(8, 8)], time_limit_s=20), children=children())
"""
    )
    assert "died" in found["reason"]
    assert not found["children"]


def test_a_stopping_agent_does_not_wait(run):
    found = run(
        PRELUDE
        + """
lie(LIBC.pause)
began = time.monotonic()
result = retention.find([(8, 8)], time_limit_s=20, stopping=lambda: time.monotonic() > began + 0.2)
tell(result, took_s=time.monotonic() - began, children=children())
"""
    )
    assert "given up" in found["reason"]
    assert found["took_s"] < 2
    assert not found["children"]


def test_no_fork_handler_and_no_signal_handler_of_the_service_runs(run):
    found = run(
        PRELUDE
        + """
seen = []
os.register_at_fork(before=lambda: seen.append("before"), after_in_parent=lambda: seen.append("parent"))
HANDLER = ctypes.CFUNCTYPE(None)(lambda: seen.append("pthread"))
LIBC.__register_atfork(HANDLER, HANDLER, None, None)  # what pthread_atfork calls
signal.signal(signal.SIGCHLD, lambda *_: seen.append("SIGCHLD"))
result = retention.find(TARGETS)
try:
    waited = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    waited = None
tell(result, seen=seen, waited=waited)
"""
    )
    assert found["paths"] == [HELD]
    assert found["seen"] == []
    assert found["waited"] is None


def test_other_threads_run_on_while_one_waits(run):
    found = run(
        PRELUDE
        + """
lie(LIBC.pause)
thread = threading.Thread(target=lambda: retention.find([(8, 8)], time_limit_s=1))
thread.start()
gap, last = 0.0, time.monotonic()
while thread.is_alive():
    time.sleep(0.001)
    now = time.monotonic()
    gap, last = max(gap, now - last), now
tell(None, gap_s=gap)
"""
    )
    assert found["gap_s"] < 0.5


def test_a_fork_that_would_stop_the_process_too_long_is_refused(run):
    found = run(PRELUDE + "tell(retention.find(TARGETS, pause_budget_s=1e-6))")
    assert found["paths"] == []
    assert re.fullmatch(
        r"forking this process of [\d,]+ MB is expected to stop it for \d+ ms, and 0 ms are allowed", found["reason"]
    )


def test_a_walk_without_enough_memory_tells_so(run):
    found = run(
        PRELUDE
        + """
retention.MOST_BYTES = 2 << 20
MANY = [[] for _ in range(300_000)]
tell(retention.find([(8, 8)]))
"""
    )
    assert found["note"] == "the walk ended early: it was short of memory"


@pytest.mark.slow
def test_ten_million_objects_are_walked_within_the_limit_and_nothing_remains(run):
    found = run(
        PRELUDE
        + """
MANY = [[] for _ in range(10_000_000)]
LAST = [Kept()]
before, began = files(), time.monotonic()
result = retention.find([*TARGETS, (id(LAST[0]), 8), (8, 8)], pause_budget_s=60, time_limit_s=20)
tell(result, objects=result.objects, took_s=time.monotonic() - began, files=files() == before, children=children())
""",
        timeout_s=110,
    )
    assert sorted(found["paths"]) == [HELD, "__main__.LAST: list of 1 -> [index]: Kept"]
    assert found["objects"] > 10_000_000 or found["note"] == "the walk ended early: it was short of time"
    assert found["took_s"] < 21
    assert found["files"]
    assert not found["children"]
