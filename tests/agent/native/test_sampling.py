"""The statistics: the sample is Poisson by bytes, and estimates are unbiased, before and after thinning."""

import itertools
import math
import sys

import pytest
from scipy import stats

from heaptide import tracemalloc_ng as t
from heaptide.tracemalloc_ng import _sampler

HEADER = sys.getsizeof(b"")
# The draws are seeded, the interpreter's own allocations between them aren't: a test may not fail by chance.
UNLIKELY = 1e-6


def allocate(count, size):
    """Blocks of exactly `size` bytes each, from one line."""
    kept = [None] * count
    for index in range(count):
        kept[index] = bytes(size - HEADER)
    return kept


def estimate_of(function):
    found = [e for e in t.estimates(0.0) if t.stack_frames(e.key)[:1] and t.stack_frames(e.key)[0][1] == function]
    return (
        sum(e.bytes for e in found),
        sum(e.blocks for e in found),
        sum(e.variance_bytes2 for e in found),
        sum(e.allocated_bytes for e in found),
    )


def test_the_bytes_between_samples_are_exponential(sampling):
    interval, size = 16_384, 64
    sampling.start(interval)
    _sampler.seed(1)
    kept = allocate(300_000, size)
    known = sampling.samples()
    _sampler.set_interval(0)
    positions = [index for index, block in enumerate(kept) if id(block) in known]
    gaps = [(b - a) * size for a, b in itertools.pairwise(positions)]
    assert 900 < len(gaps) < 1500
    assert stats.kstest(gaps, stats.expon(scale=interval).cdf).pvalue > UNLIKELY


def test_the_samples_in_equal_stretches_are_poisson(sampling):
    interval, size, stretch = 16_384, 64, 1024
    sampling.start(interval)
    _sampler.seed(2)
    kept = allocate(400 * stretch, size)
    known = sampling.samples()
    _sampler.set_interval(0)
    counts = [sum(id(block) in known for block in kept[i : i + stretch]) for i in range(0, len(kept), stretch)]
    mean = stretch * size / interval
    dispersion = sum((count - mean) ** 2 / mean for count in counts)
    assert UNLIKELY < stats.chi2.cdf(dispersion, len(counts)) < 1 - UNLIKELY


@pytest.mark.parametrize("size", [64, 500, 4096, 16_384, 100_000])
def test_a_block_is_sampled_with_the_odds_of_its_size(sampling, size):
    interval = 16_384
    count = max(2000, 4_000_000 // size)
    sampling.start(interval)
    _sampler.seed(size)
    kept = allocate(count, size)
    known = sampling.samples()
    _sampler.set_interval(0)
    hits = sum(id(block) in known for block in kept)
    odds = 1 - math.exp(-size / interval)
    assert stats.binomtest(hits, count, odds).pvalue > UNLIKELY


def run_once(sampling, seed, table_bytes):
    truth_bytes = truth_blocks = 0
    sampling.start(4096, table_bytes=table_bytes, frames=1)
    _sampler.seed(seed)
    kept = []
    for size in (64, 64, 200, 1000, 5000, 40_000):
        count = 400_000 // size
        kept.append(allocate(count, size))
        truth_bytes += count * size
        truth_blocks += count
    _sampler.set_interval(0)
    result = estimate_of("allocate")
    lists_bytes = sum(sys.getsizeof(blocks) for blocks in kept)  # their buffers come from the same function
    truth = truth_bytes + lists_bytes, truth_blocks + 2 * len(kept)
    _sampler.stop()
    return result, truth


@pytest.mark.parametrize("table_bytes", [1 << 28, 64 * 1024], ids=["not thinned", "thinned"])
def test_bytes_blocks_and_standard_error_are_right_on_average(sampling, table_bytes):
    """Over runs, the errors have mean 0 and the size that the variance estimate says; thinning changes neither."""
    size_errors, block_errors, standardised = [], [], []
    for seed in range(400):
        (size, blocks, variance, _), (true_size, true_blocks) = run_once(sampling, seed, table_bytes)
        size_errors.append(size / true_size - 1)
        block_errors.append(blocks / true_blocks - 1)
        standardised.append((size - true_size) / math.sqrt(variance))
    assert stats.ttest_1samp(size_errors, 0).pvalue > UNLIKELY
    assert stats.ttest_1samp(block_errors, 0).pvalue > UNLIKELY
    assert 0.85 < stats.tstd(standardised) < 1.15
    assert sum(abs(error) < 3 for error in standardised) > 0.98 * len(standardised)


def test_a_full_table_doubles_the_interval_and_keeps_the_estimate(sampling):
    sampling.start(64, table_bytes=64 * 1024, frames=1)
    kept = allocate(20_000, 1000)
    status = _sampler.status()
    size, blocks, variance, _ = estimate_of("allocate")
    true_size = 20_000 * 1000 + sys.getsizeof(kept)
    assert status["interval"] >= 16 * 1024
    assert status["samples"] <= 768
    assert status["lost"] == 0
    assert abs(size - true_size) < 5 * math.sqrt(variance)
    assert 0.5 < blocks / 20_000 < 1.5


def test_more_samples_than_the_budget_double_the_interval(sampling):
    sampling.start(64, rate=100)
    before = _sampler.status()["drawn"]
    kept = allocate(20_000, 200)
    assert _sampler.status()["interval"] > 64
    assert _sampler.status()["drawn"] - before < 3000
    assert t.sample_bytes() == _sampler.status()["interval"]
    assert kept


def test_the_interval_falls_again_once_it_is_quiet(run):
    run(
        "import time\n"
        "from heaptide.tracemalloc_ng import _sampler as s\n"
        "s.start(1, 512, 100, 1 << 20)\n"
        "kept = [bytes(200) for _ in range(20000)]\n"
        "raised = s.status()['interval']\n"
        "assert raised > 512, raised\n"
        "deadline = time.monotonic() + 20\n"
        "while s.status()['interval'] > 512:\n"
        "    assert time.monotonic() < deadline, s.status()\n"
        "    time.sleep(0.3)\n"
        "    s.look(0.0, 0, ())\n"
    )


def test_each_process_draws_its_own_sequence(run):
    script = (
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(1, 4096)\n"
        "kept = [bytes(100) for _ in range(20000)]\n"
        "print(t.get_traced_memory())\n"
    )
    assert run(script) != run(script)


def test_what_was_freed_is_gone_from_the_estimate_but_not_from_what_was_allocated(sampling):
    sampling.start(256, frames=2)
    kept = allocate(10_000, 1000)
    before = estimate_of("allocate")
    del kept
    after = estimate_of("allocate")
    assert before[0] > 9_000_000
    assert after[0] == 0
    assert after[3] == pytest.approx(before[0], rel=0.1)


def test_survivors_are_what_is_older_than_the_age_asked_for(run):
    run(
        "import time\n"
        "from heaptide import tracemalloc_ng as t\n"
        "t.start(2, 1, samples_per_s=1e12)\n"
        "def old(): return bytes(100_000)\n"
        "def young(): return bytes(100_000)\n"
        "kept = [old() for _ in range(10)]\n"
        "time.sleep(1.2)\n"
        "kept += [young() for _ in range(10)]\n"
        "found = {t.stack_frames(e.key)[0][1]: e for e in t.estimates(1.0) if t.stack_frames(e.key)}\n"
        "assert found['old'].survivor_bytes == found['old'].bytes > 1_000_000, found['old']\n"
        "assert found['old'].survivor_blocks == found['old'].blocks\n"
        "assert found['young'].survivor_bytes == 0\n"
        "assert found['young'].age_bytes[0] == found['young'].bytes\n"
        "assert len(found['young'].age_bytes) == len(t.AGE_LIMITS_S) + 1\n"
    )
