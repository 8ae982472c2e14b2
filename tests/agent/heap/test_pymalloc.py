"""What pymalloc holds is read behind the hooks of whoever traces its blocks."""

from __future__ import annotations

import pytest

SCRIPT = """
import json
from heaptide.heap import _walker
from heaptide.tracemalloc_ng import _sampler

def used():
    at, total = 0, 0
    while True:
        at, more, _ = _walker.pymalloc(at, 1)
        total += more
        if not at:
            return total

_sampler.start(16, 1024, 1e9, 1 << 22)
before = used()
kept = [(float(number),) for number in range(100_000)]
print(json.dumps([before, used() - before, _sampler.attached(), _sampler.status()["samples"]]))
"""


@pytest.mark.parametrize("allocator", ["pymalloc", "debug"])
def test_the_sampler_hides_no_arena_and_goes_on_sampling(run, allocator):
    before, grown, attached, samples = run(SCRIPT, PYTHONMALLOC=allocator)
    assert before > 1_000_000
    assert grown > 100_000 * (24 + 48)
    assert attached
    assert samples > 1000


def test_where_pymalloc_is_not_used_it_holds_nothing(run):
    before, grown, attached, _ = run(SCRIPT, PYTHONMALLOC="malloc")
    assert before == grown == 0
    assert attached
