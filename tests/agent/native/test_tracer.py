"""The sampling tracer keeps the protocol that the agent relies on."""

import gc
import threading

import pytest

from heaptide.tracemalloc_ng import _sampler
from heaptide.tracer.protocol import Tracer
from heaptide.tracer.sampling import SamplingTracer


@pytest.fixture
def tracer():
    made = SamplingTracer(frames=8, sample_bytes=1024, samples_per_s=1e9, table_bytes=1 << 24)
    made.start()
    yield made
    made.stop()


def take(tracer, *, survivor_age_s=60.0, most=50, keep=frozenset()):
    """As the agent does: from a thread of its own, whose allocations aren't the application's."""
    looks = []
    thread = threading.Thread(
        target=lambda: looks.append(tracer.take(survivor_age_s=survivor_age_s, most=most, keep=keep))
    )
    thread.start()
    thread.join()
    (look,) = looks
    assert look is not None
    return look


def leak(count=2000):
    return [bytes(2000) for _ in range(count)]


def stat_of(look, function):
    found = [stat for stat in look.stacks.values() if function in [name for _, name, _ in stat.frames[:2]]]
    return max(found, key=lambda stat: stat.bytes)


def test_it_is_a_tracer(tracer):
    checked: Tracer = tracer
    assert (checked.name, checked.frames) == ("sampling", 8)


def test_a_look_tells_bytes_blocks_and_their_error_per_stack(tracer):
    kept = leak()
    stat = stat_of(take(tracer), "leak")
    assert stat.frames[0][0] == __file__
    assert stat.bytes == pytest.approx(2000 * 2033, rel=0.2)
    assert stat.blocks == pytest.approx(2000, rel=0.2)
    assert stat.survivor_bytes == stat.survivor_blocks == 0
    assert stat.allocated_bytes >= stat.bytes
    assert 0 < stat.variance_bytes2 < stat.bytes**2
    assert kept


def test_the_parts_of_a_look_add_up_to_what_is_traced(tracer):
    kept = leak()
    look = take(tracer, most=1)
    assert look.traced_bytes == sum(stat.bytes for stat in look.stacks.values()) + look.other.bytes
    assert len(look.stacks) <= 1
    assert look.other.frames == ()
    assert look.sample_bytes == 1024
    assert kept


def test_a_stack_keeps_its_key_and_comes_back_while_it_is_to_be_kept(tracer):
    kept = leak()
    first = take(tracer)
    key = next(key for key, stat in first.stacks.items() if stat is stat_of(first, "leak"))
    later = leak(10_000)
    again = take(tracer, most=0, keep=frozenset({key, 999}))
    assert set(again.stacks) == {key}
    del kept, later
    gc.collect()
    assert take(tracer, most=0, keep=frozenset({key})).stacks == {}


def test_the_agents_own_thread_and_code_are_left_out(tracer):
    take(tracer)
    kept = []

    def agent():
        tracer.take(survivor_age_s=60, most=50, keep=frozenset())
        kept.extend(leak(5000))

    thread = threading.Thread(target=agent)
    thread.start()
    thread.join()
    look = take(tracer)
    assert not any("leak" in [name for _, name, _ in stat.frames] for stat in look.stacks.values())


def test_the_rate_can_be_changed_paused_and_restored(tracer):
    tracer.set_rate(4096)
    assert take(tracer).sample_bytes == 4096
    tracer.set_rate(0)
    paused = _sampler.status()["drawn"]
    kept = leak()
    assert _sampler.status()["drawn"] == paused
    tracer.set_rate(None)
    assert take(tracer).sample_bytes == 1024
    assert kept


def test_starting_again_keeps_the_samples_as_after_a_fork(tracer):
    kept = leak()
    tracer.start()
    assert stat_of(take(tracer), "leak").bytes > 3_000_000
    assert kept


def test_stopping_gives_the_memory_back_and_is_idempotent(tracer):
    tracer.stop()
    tracer.stop()
    assert _sampler.status()["held_bytes"] == 0


def test_what_it_holds_stays_within_its_budget_at_the_default_rate():
    tracer = SamplingTracer()
    tracer.start()
    kept = [leak(100) for _ in range(100)]
    look = take(tracer)
    tracer.stop()
    assert 0 < look.held_bytes < 8 << 20
    assert kept


def test_no_look_holds_the_gil_for_five_milliseconds_with_full_tables(run):
    """Three attempts: the machine may take the core away, which looks the same from inside."""
    run(
        "import sys, threading\n"
        "from heaptide.tracer.sampling import SamplingTracer\n"
        "from heaptide.tracemalloc_ng import _sampler\n"
        "tracer = SamplingTracer(sample_bytes=512, samples_per_s=1e9)\n"
        "tracer.start()\n"
        "spaces = []\n"
        "kept = []\n"
        "for number in range(400):\n"
        "    space = {'kept': kept}\n"
        "    body = '\\n'.join(f'    kept.append(bytes(9000))' for _ in range(30))\n"
        "    exec(compile(f'def fill():\\n{body}', f'f{number}', 'exec'), space)\n"
        "    spaces.append(space); space['fill']()\n"
        "kept += [bytes(1000) for _ in range(100_000)]\n"
        "status = _sampler.status()\n"
        "assert status['samples'] > 10_000 and status['stacks'] > 4000, status\n"
        "holds = []\n"
        "def agent():\n"
        "    for _ in range(3):\n"
        "        look = tracer.take(survivor_age_s=1, most=300, keep=frozenset())\n"
        "        holds.append(look.hold_s)\n"
        "thread = threading.Thread(target=agent); thread.start(); thread.join()\n"
        "assert min(holds) < 0.005, holds\n"
        "print(holds)\n"
    )


def test_when_another_tool_removes_the_hooks_the_look_says_so_and_is_empty(run):
    """As a tool that was started first and ends last would do: it puts back what it had found."""
    run(
        "import ctypes\n"
        "class Allocator(ctypes.Structure):\n"
        "    _fields_ = [(name, ctypes.c_void_p) for name in ('ctx', 'malloc', 'calloc', 'realloc', 'free')]\n"
        "get, put = ctypes.pythonapi.PyMem_GetAllocator, ctypes.pythonapi.PyMem_SetAllocator\n"
        "found = Allocator()\n"
        "get(2, ctypes.byref(found))\n"
        "from heaptide.tracer.sampling import SamplingTracer\n"
        "tracer = SamplingTracer(sample_bytes=64)\n"
        "tracer.start()\n"
        "kept = [bytes(100) for _ in range(1000)]\n"
        "assert tracer.take(survivor_age_s=1, most=9, keep=frozenset()).stacks\n"
        "put(2, ctypes.byref(found))\n"
        "look = tracer.take(survivor_age_s=1, most=9, keep=frozenset())\n"
        "assert not look.stacks and 'another tool replaced' in look.notes[0], look\n"
        "try: tracer.start()\n"
        "except RuntimeError as error: assert 'another tool replaced' in str(error)\n"
        "else: raise SystemExit('it started')\n"
    )
