"""Lines that allocate most are sampled less: churn on a few leaves the budget to the others, and no estimate moves."""

import math
import sys
import time

from scipy import stats

from heaptide import tracemalloc_ng as t
from heaptide.tracemalloc_ng import _sampler

UNLIKELY = 1e-6  # the draws are seeded, the interpreter's own allocations between them aren't
BASE = 2048
SIZES = [40, 170, 1000, 5000]


def churn(count, size=40_000):
    for _ in range(count):
        bytes(size)


NUMBERS = list(range(600))  # made once: a loop over a range would allocate its numbers, on the same line


def keep(size):
    kept = [None] * len(NUMBERS)
    for index in NUMBERS:
        kept[index] = bytes(size)
    return kept


def leak_beside_churn(kept, steps):
    for _ in range(steps):
        churn(20)
        kept.append(bytes(700))


def estimate_of(function):
    found = [e for e in t.estimates(0.0) if t.stack_frames(e.key)[:1] and t.stack_frames(e.key)[0][1] == function]
    return sum(e.bytes for e in found), sum(e.variance_bytes2 for e in found), sum(e.allocated_bytes for e in found)


def test_churn_on_one_line_leaves_the_interval_of_the_others_short(sampling):
    """As much churn as blurs all sites where the budget is one for all: 20,000 draws, 5 times the budget."""
    kept = []
    sampling.start(BASE, rate=4000)
    leak_beside_churn(kept, 1000)
    _sampler.set_interval(0)
    intervals = [sample.interval for sample in sampling.samples().values() if sample.size in range(700, 800)]
    assert len(intervals) > 100, "one in three or four of 1,000"
    assert max(intervals) <= 4 * BASE


def test_a_line_that_allocates_most_takes_its_part_of_the_budget_alone(sampling):
    sampling.start(64, rate=1600)
    before = _sampler.status()["drawn"]
    began = time.monotonic()
    churn(20_000, 1000)
    windows = 1 + (time.monotonic() - began)
    # 100 a second at each interval that it went through, and the interval doubled 24 times at the most
    assert _sampler.status()["drawn"] - before < 100 * (windows + 24) + 1600


def run_once(sampling, seed):
    sampling.start(512, rate=800)
    _sampler.seed(seed)
    kept = [keep(size) for size in SIZES]
    _sampler.set_interval(0)
    size, variance, allocated = estimate_of("keep")
    _sampler.stop()
    true_size = sum(sum(map(sys.getsizeof, blocks)) + sys.getsizeof(blocks) for blocks in kept)
    return size, true_size, variance, allocated


def test_estimates_stay_right_on_average_where_a_line_is_thinned(sampling):
    errors, standardised, allocated_errors = [], [], []
    for seed in range(400):
        size, true_size, variance, allocated = run_once(sampling, seed)
        errors.append(size / true_size - 1)
        allocated_errors.append(allocated / true_size - 1)
        standardised.append((size - true_size) / math.sqrt(variance))
    assert stats.ttest_1samp(errors, 0).pvalue > UNLIKELY
    assert stats.ttest_1samp(allocated_errors, 0).pvalue > UNLIKELY
    assert 0.8 < stats.tstd(standardised) < 1.25


def test_a_line_is_sampled_as_densely_as_all_others_once_its_churn_is_over(run):
    run(
        "import time\n"
        "from heaptide import tracemalloc_ng as t\n"
        "from heaptide.tracemalloc_ng import _sampler as s\n"
        "t.start(4, 512, samples_per_s=1600)\n"
        "def make(count): return [bytes(1000) for _ in range(count)]\n"
        "def share(count):\n"
        "    before = s.status()['drawn']; make(count); return (s.status()['drawn'] - before) / count\n"
        "assert share(20_000) < 0.3, 'seven in eight blocks would be sampled else'\n"
        "deadline = time.monotonic() + 30\n"
        "while share(20) < 0.6:\n"
        "    assert time.monotonic() < deadline, s.status()\n"
        "    time.sleep(1.1)\n"
    )
