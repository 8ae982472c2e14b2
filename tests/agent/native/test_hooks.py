"""The rules of malloc, realloc and free, each called as C code calls it."""

import ctypes

import pytest

from heaptide.tracemalloc_ng import _sampler

HUGE = 1 << 60


def function(name, result, *arguments):
    call = getattr(ctypes.pythonapi, name)
    return ctypes.PYFUNCTYPE(result, *arguments)((name, ctypes.pythonapi)) if call else None


ALLOCATORS = [
    {
        "malloc": function(f"{domain}_Malloc", ctypes.c_void_p, ctypes.c_size_t),
        "calloc": function(f"{domain}_Calloc", ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t),
        "realloc": function(f"{domain}_Realloc", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
        "free": function(f"{domain}_Free", None, ctypes.c_void_p),
    }
    for domain in ("PyMem", "PyObject")
]


@pytest.fixture(params=ALLOCATORS, ids=["mem", "obj"])
def allocator(request):
    return request.param


@pytest.mark.parametrize("size", [64, 100_000])
def test_a_block_is_known_from_its_allocation_to_its_free(sampling, allocator, size):
    sampling.start()
    block = allocator["malloc"](size)
    sample = sampling.samples()[block]
    allocator["free"](block)
    assert sample.size == size
    assert sample.ordinal not in {other.ordinal for other in sampling.samples().values()}  # the address may be taken


def test_calloc_counts_the_product(sampling, allocator):
    sampling.start()
    block = allocator["calloc"](100, 24)
    assert sampling.samples()[block].size == 2400
    allocator["free"](block)


def test_calloc_whose_product_overflows_fails_and_is_not_counted(sampling, allocator):
    sampling.start()
    assert allocator["calloc"](HUGE, HUGE) is None
    assert all(sample.size < HUGE for sample in sampling.samples().values())


def test_realloc_moves_the_sample_to_the_new_address_and_size(sampling, allocator):
    sampling.start()
    block = allocator["malloc"](64)
    moved = allocator["realloc"](block, 1 << 20)
    samples = sampling.samples()
    assert moved != block
    assert block not in samples
    assert samples[moved].size == 1 << 20
    allocator["free"](moved)


def test_realloc_keeps_the_birth_of_a_block_that_was_sampled(sampling, allocator):
    sampling.start()
    block = allocator["malloc"](64)
    before = sampling.samples()[block]
    moved = allocator["realloc"](block, 1 << 20)
    after = sampling.samples()[moved]
    assert after.age_s >= before.age_s
    assert after.ordinal > before.ordinal
    allocator["free"](moved)


def test_a_failed_realloc_leaves_the_old_block_as_it_was(sampling, allocator):
    sampling.start()
    block = allocator["malloc"](100_000)
    before = sampling.samples()[block]
    assert allocator["realloc"](block, HUGE) is None
    after = sampling.samples()[block]
    assert after[:5] == before[:5]
    allocator["free"](block)
    assert block not in sampling.samples()


def test_realloc_of_null_is_an_allocation(sampling, allocator):
    sampling.start()
    block = allocator["realloc"](None, 64)
    assert sampling.samples()[block].size == 64
    allocator["free"](block)


def test_realloc_to_size_0_leaves_no_sample_of_the_old_block(sampling, allocator):
    sampling.start()
    block = allocator["malloc"](100_000)
    empty = allocator["realloc"](block, 0)
    assert all(sample.size != 100_000 for sample in sampling.samples().values())
    allocator["free"](empty)


def test_an_unsampled_realloc_drops_the_sample(sampling, allocator):
    sampling.start()
    block = allocator["malloc"](64)
    _sampler.set_interval(1 << 30)
    moved = allocator["realloc"](block, 128)
    assert block not in sampling.samples()
    assert moved not in sampling.samples()
    allocator["free"](moved)


def test_a_failed_allocation_is_not_counted_and_sampling_goes_on(sampling, allocator):
    sampling.start()
    assert allocator["malloc"](HUGE) is None
    block = allocator["malloc"](64)
    assert sampling.samples()[block].size == 64
    allocator["free"](block)


def test_a_list_that_cannot_grow_is_still_known(sampling):
    sampling.start()
    items = [None] * 1000
    known = set(sampling.samples())
    with pytest.raises(MemoryError):
        items *= 1 << 45
    assert any(sample.size == 8000 for address, sample in sampling.samples().items() if address in known)


def test_what_skips_tracking_never_skips_untracking(sampling):
    sampling.start()
    kept = bytearray(5000)
    skipped = [sample for sample in sampling.samples().values() if sample.size >= 5000]
    _sampler.ignore_thread()
    _sampler.set_interval(0)
    assert skipped
    del kept
    assert not [sample for sample in sampling.samples().values() if sample.size == skipped[0].size]


def test_an_ignored_thread_is_not_sampled_until_the_next_start(sampling):
    sampling.start()
    _sampler.ignore_thread()
    drawn = _sampler.status()["drawn"]
    kept = [bytearray(5000) for _ in range(10)]
    assert _sampler.status()["drawn"] == drawn
    _sampler.stop()
    sampling.start()
    kept += [bytearray(5000) for _ in range(10)]
    assert _sampler.status()["drawn"] > drawn


def test_a_pause_draws_nothing_and_keeps_what_was_sampled(sampling):
    sampling.start()
    first = bytearray(50_000)
    _sampler.set_interval(0)
    second = bytearray(60_000)
    sizes = [sample.size for sample in sampling.samples().values()]
    assert any(50_000 <= size < 60_000 for size in sizes)
    assert not any(size >= 60_000 for size in sizes)
    assert _sampler.status()["interval"] == 0
    assert len(first) + len(second) == 110_000


@pytest.mark.parametrize("name", ["pymalloc_debug", "malloc", "malloc_debug", "pymalloc"])
def test_it_works_over_each_allocator_that_python_can_be_started_with(run, name):
    script = (
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(4, 256)\n"
        "kept = [dict(a=str(i)) for i in range(20000)]\n"
        "live, _ = t.get_traced_memory()\n"
        "assert live > 2_000_000, live\n"
        "kept.clear()\n"
        "live, _ = t.get_traced_memory()\n"
        "assert live < 1_000_000, live\n"
        "t.stop()\n"
    )
    run(script, PYTHONMALLOC=name)
