"""Forks, threads, interpreters, and the ends of processes."""

import sys

import pytest


def test_a_forked_child_keeps_the_samples_marks_them_inherited_and_draws_anew(run):
    printed = run(
        "import os, sys\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(2, 4096)\n"
        "t._sampler.seed(7)\n"
        "def parents(): return [bytes(1000) for _ in range(5000)]\n"
        "def childs(): return [bytes(1000) for _ in range(5000)]\n"
        "kept = parents()\n"
        "children = []\n"
        "for _ in range(2):\n"
        "    read, write = os.pipe()\n"
        "    if os.fork() == 0:\n"
        "        mine = childs()\n"
        "        found = {}\n"
        "        for e in t.estimates():\n"
        "            for _, name, _ in t.stack_frames(e.key)[-1:] and t.stack_frames(e.key):\n"
        "                if name in ('parents', 'childs'):\n"
        "                    live, inherited = found.get(name, (0, 0))\n"
        "                    found[name] = live + e.bytes, inherited + e.inherited_bytes\n"
        "        assert found['parents'][0] == found['parents'][1] > 4_000_000, found\n"
        "        assert found['childs'][0] > 4_000_000 and found['childs'][1] == 0, found\n"
        "        before = t.get_traced_memory()[0]\n"
        "        del kept, mine\n"
        "        assert t.get_traced_memory()[0] < before - 8_000_000\n"
        "        os.write(write, repr(found['childs'][0]).encode())\n"
        "        os._exit(0)\n"
        "    assert os.wait()[1] == 0\n"
        "    children.append(os.read(read, 100))\n"
        "print(len(set(children)))\n"
    )
    assert printed == "2\n"


def test_forks_while_threads_allocate_leave_parent_and_children_well(run):
    run(
        "import os, threading, time\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(16, 256, samples_per_s=1e12)\n"
        "end = threading.Event()\n"
        "def work():\n"
        "    kept = []\n"
        "    while not end.is_set():\n"
        "        kept.append({str(i): [i] for i in range(50)})\n"
        "        del kept[:-100]\n"
        "threads = [threading.Thread(target=work) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for _ in range(60):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        kept = [str(i) * 10 for i in range(3000)]\n"
        "        assert t.estimates() and t.is_tracing()\n"
        "        t.stop(); t.start(4, 256)\n"
        "        kept = [str(i) * 10 for i in range(3000)]\n"
        "        os._exit(0 if t.get_traced_memory()[0] > 0 else 1)\n"
        "    assert os.waitpid(pid, 0)[1] == 0\n"
        "end.set()\n"
        "for thread in threads: thread.join()\n"
        "t.take_snapshot()\n",
        "-W",
        "ignore::DeprecationWarning",
    )


def test_threads_that_share_and_pass_on_blocks_leave_the_estimate_right(run):
    run(
        "import queue, threading\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(8, 1024, samples_per_s=1e12, table_bytes=1 << 26)\n"
        "line = queue.Queue(100)\n"
        "def produce():\n"
        "    for i in range(5000): line.put(bytearray(i % 3000))\n"
        "    line.put(None)\n"
        "kept = []\n"
        "def consume():\n"
        "    while (block := line.get()) is not None:\n"
        "        block.extend(b'x' * 100)\n"
        "        if len(block) % 10 == 0: kept.append(block)\n"
        "threads = [threading.Thread(target=f) for f in (produce, consume, produce, consume)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "live = t.get_traced_memory()[0]\n"
        "true = sum(block.__sizeof__() for block in kept)\n"
        "assert 0.7 * true < live < 1.5 * true + 300_000, (live, true)\n"
        "kept.clear()\n"
        "assert t.get_traced_memory()[0] < 0.3 * true\n"
    )


def test_starting_and_stopping_ten_thousand_times_under_load_is_safe(run):
    run(
        "import threading\n"
        "from heaptide import tracemalloc_ng as t\n"
        "end = threading.Event()\n"
        "def work():\n"
        "    kept = []\n"
        "    while not end.is_set():\n"
        "        kept.append([str(i) for i in range(20)])\n"
        "        del kept[:-500]\n"
        "threads = [threading.Thread(target=work) for _ in range(2)]\n"
        "for thread in threads: thread.start()\n"
        "for n in range(10000):\n"
        "    t.start(1 + n % 40, 64, samples_per_s=1e12)\n"
        "    blocks = [bytes(100) for _ in range(5)]\n"
        "    if n % 7 == 0: t.clear_traces()\n"
        "    t.stop()\n"
        "end.set()\n"
        "for thread in threads: thread.join()\n"
        "assert t.get_tracemalloc_memory() == 0\n"
    )


@pytest.mark.parametrize("daemon", [False, True])
def test_the_interpreter_ends_in_good_order_while_it_traces(run, daemon):
    run(
        "import threading\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(32, 16, samples_per_s=1e12)\n"
        "class Late:\n"
        "    def __del__(self): self.kept = [str(i) for i in range(100)]\n"
        "late = Late(); cycle = [Late()]; cycle.append(cycle)\n"
        "kept = [dict(a=str(i)) for i in range(10000)]\n"
        "def work():\n"
        f"    for _ in range(50 if not {daemon} else 10**9): [str(i) for i in range(100)]\n"
        f"threading.Thread(target=work, daemon={daemon}).start()\n"
    )


def test_a_subinterpreter_is_refused_and_its_allocations_are_left_out(run):
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    code = "kept = [bytes(1000) for _ in range(5000)]"
    run(
        f"import {module} as interpreters\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(4, 256)\n"
        "number = interpreters.create()\n"
        "before = t.get_traced_memory()[0]\n"
        f"interpreters.run_string(number, {code!r})\n"
        "assert t.get_traced_memory()[0] - before < 500_000\n"
        "try:\n"
        "    failed = interpreters.run_string(number, 'import heaptide.tracemalloc_ng')\n"
        "    assert failed is not None and 'interpreter' in str(failed), failed\n"
        "except interpreters.RunFailedError if hasattr(interpreters, 'RunFailedError') else () as error:\n"
        "    assert 'interpreter' in str(error), error\n"
        "interpreters.destroy(number)\n"
        "t.take_snapshot()\n"
    )


def test_the_standard_tracemalloc_may_come_and_go_on_top(run):
    run(
        "import tracemalloc\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(4, 256)\n"
        "tracemalloc.start()\n"
        "kept = [bytes(1000) for _ in range(5000)]\n"
        "exact = tracemalloc.get_traced_memory()[0]\n"
        "assert 0.8 * exact < t.get_traced_memory()[0] < 1.3 * exact + 200_000\n"
        "tracemalloc.stop()\n"
        "kept += [bytes(1000) for _ in range(5000)]\n"
        "assert t._sampler.attached()\n"
        "assert t.get_traced_memory()[0] > 1.6 * exact\n"
        "kept.clear()\n"
        "assert t.get_traced_memory()[0] < 0.5 * exact\n"
    )


def test_it_refuses_to_start_on_top_of_another_tools_hooks(run):
    run(
        "import tracemalloc\n"
        "tracemalloc.start()\n"
        "from heaptide import tracemalloc_ng as t\n"
        "try: t.start()\n"
        "except RuntimeError as error: assert 'another tool has hooked' in str(error), error\n"
        "else: raise SystemExit('it started')\n"
        "tracemalloc.stop()\n"
        "t.start()\n"
        "assert t.is_tracing()\n"
    )
