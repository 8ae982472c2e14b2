"""Frames: read without making an object, held as long as a sample refers to them, resolved later."""

import asyncio
import gc
import sys
import threading
import types
import weakref

from heaptide.tracemalloc_ng import _sampler

SIZE = 54_321


def sample_of_size(sampling, size=SIZE):
    (found,) = [sample for sample in sampling.samples().values() if size <= sample.size < size + 64]
    return found


def here():
    return sys._getframe(1).f_lineno


def test_the_stack_names_function_and_line_of_each_caller(sampling):
    sampling.start()

    def inner():
        return bytearray(SIZE), here()

    def outer():
        return *inner(), here()

    kept, inner_line, outer_line = outer()
    stack = sampling.stack_of(sample_of_size(sampling).address)
    assert stack[:2] == [("inner", inner_line), ("outer", outer_line)]
    assert kept


def test_the_line_is_that_of_the_statement_within_a_long_call(sampling):
    sampling.start()
    # fmt: off
    kept = [
        1,
        bytearray(SIZE), here(),
    ]
    # fmt: on
    assert sampling.stack_of(sample_of_size(sampling).address)[0][1] == kept[2]


def test_no_more_frames_are_kept_than_asked_for(sampling):
    sampling.start(frames=3)

    def recurse(depth):
        return recurse(depth - 1) if depth else bytearray(SIZE)

    kept = recurse(10)
    assert [function for function, _ in sampling.stack_of(sample_of_size(sampling).address)] == ["recurse"] * 3
    assert kept


def test_generators_and_comprehensions_stand_in_the_stack_of_who_runs_them(sampling):
    sampling.start()

    def generate():
        yield bytearray(SIZE)

    def consume():
        return [block for block in generate()]  # noqa: C416

    kept = consume()
    names = [function for function, _ in sampling.stack_of(sample_of_size(sampling).address)]
    assert [name for name in names if name != "<listcomp>"][:2] == ["generate", "consume"]
    assert kept


def test_coroutines_stand_in_the_stack_of_who_awaits_them(sampling):
    sampling.start(frames=32)

    async def inner():
        await asyncio.sleep(0)
        return bytearray(SIZE)

    async def outer():
        return await inner()

    kept = asyncio.run(outer())
    names = [function for function, _ in sampling.stack_of(sample_of_size(sampling).address)]
    assert names[:2] == ["inner", "outer"]
    assert kept


def test_each_thread_has_its_own_stack(sampling):
    sampling.start()
    kept = []

    def work():
        kept.append(bytearray(SIZE))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    names = [function for function, _ in sampling.stack_of(sample_of_size(sampling).address)]
    assert names[:2] == ["work", "run"]


def test_sampling_makes_no_frame_object(sampling):
    gc.collect()
    before = sum(isinstance(obj, types.FrameType) for obj in gc.get_objects())
    sampling.start()

    def recurse(depth):
        return recurse(depth - 1) if depth else [bytearray(100) for _ in range(100)]

    kept = recurse(20)
    _sampler.set_interval(0)
    assert sum(isinstance(obj, types.FrameType) for obj in gc.get_objects()) <= before
    assert kept


def code_of_its_own():
    namespace = {}
    exec(compile(f"def make():\n    return bytearray({SIZE})", "<of its own>", "exec"), namespace)
    return namespace["make"]


def test_a_code_object_lives_as_long_as_a_sample_refers_to_it(sampling):
    sampling.start()
    make = code_of_its_own()
    code = weakref.ref(make.__code__)
    kept = make()
    key = sample_of_size(sampling).key
    del make
    assert _sampler.frames(key)[0] == ("<of its own>", "make", 2)
    _sampler.stop()
    gc.collect()
    assert code() is None
    assert kept


def test_the_hook_frees_no_code_object_but_the_next_look_does(sampling):
    """Stacks of dead samples make room for new ones; the last reference to a code object waits for the look."""
    sampling.start(table_bytes=128 * 1024, frames=2)
    codes = []
    for _ in range(2000):  # stacks of 2000 code objects don't fit in 64 KiB
        make = code_of_its_own()
        codes.append(weakref.ref(make.__code__))
        make()
        del make
    alive = sum(code() is not None for code in codes)
    assert alive > 1000
    _sampler.look(0.0, 0, ())
    assert sum(code() is not None for code in codes) < alive / 2


def test_a_stack_that_holds_nothing_keeps_its_code_for_two_looks_at_most(sampling):
    sampling.start()
    make = code_of_its_own()
    code = weakref.ref(make.__code__)
    make()
    make()
    del make
    gc.collect()  # a function and its globals refer to each other
    for _ in range(2):
        assert code() is not None
        _sampler.look(0.0, 0, ())
    assert code() is None


def test_a_key_is_never_used_again(sampling):
    seen = set()
    for _ in range(3):
        sampling.start()
        kept = [code_of_its_own()() for _ in range(20)]
        keys = {sample.key for sample in sampling.samples().values()}
        assert kept
        assert not keys & seen
        seen |= keys
        _sampler.stop()


def test_the_stacks_stay_within_their_budget_and_no_sample_is_lost(sampling):
    sampling.start(table_bytes=1 << 20, frames=8)
    kept = [code_of_its_own()() for _ in range(300)]
    for _ in range(3000):
        code_of_its_own()()
    status = _sampler.status()
    assert status["held_bytes"] < (1 << 20) + (1 << 18)
    assert status["lost"] == 0
    assert status["live_bytes"] > 0.5 * sum(len(block) for block in kept)


def test_an_evicted_key_resolves_to_nothing(sampling):
    sampling.start(table_bytes=128 * 1024, frames=2)
    make = code_of_its_own()
    block = make()
    key = sample_of_size(sampling).key
    assert _sampler.frames(key)
    del block
    for _ in range(3000):
        code_of_its_own()()
    assert _sampler.frames(key) is None
    assert _sampler.frames(1 << 60) is None


def test_recursion_to_the_limit_survives_sampling_every_block(run):
    run(
        "import sys\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(512, 1, samples_per_s=1e12)\n"
        "def dive(n): return [dive(n + 1)]\n"
        "for _ in range(3):\n"
        "    try: dive(0)\n"
        "    except RecursionError: pass\n"
        "class Node:\n"
        "    def __del__(self): self.kept = [0] * 10\n"
        "for _ in range(1000): Node()\n"
        "t.stop()\n"
    )


def test_code_that_dies_while_its_frame_is_still_linked_is_left_out(run):
    run(
        "import weakref\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(8, 1, samples_per_s=1e12)\n"
        "kept = []\n"
        "def died(_): kept.append(bytearray(100))\n"
        "class Last:\n"
        "    def __del__(self): kept.append(bytearray(100))\n"
        "for _ in range(2000):\n"
        "    space = {'Last': Last}\n"
        "    exec(compile('def f():\\n  x = Last()\\n  return 1', 'f', 'exec'), space)\n"
        "    refs = weakref.ref(space['f'].__code__, died)\n"
        "    f = space.pop('f')\n"
        "    g = (lambda f: f())\n"
        "    f()\n"
        "    del f\n"
        "t.clear_traces()\n"
        "t.stop()\n"
    )
