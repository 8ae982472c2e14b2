"""Garbage that awaits collection: estimated from samples, told while it may still be true."""

from __future__ import annotations

import math

import pytest

from heaptide.heap.answer import Found
from heaptide.heap.garbage import Garbage
from heaptide.heap.samples import Sample


def sample(address: int, size: int, odds: float) -> Sample:
    return Sample(address, size, address, 7, 1.0, size / odds, odds)


def fates(**by_address: str) -> dict[int, Found]:
    return {int(name[1:]): Found(int(name[1:]), fate, False, "dict") for name, fate in by_address.items()}  # type: ignore[arg-type]


class State:
    def __init__(self) -> None:
        self.collections, self.now = 5, 100.0
        self.garbage = Garbage(lambda: self.collections, lambda: self.now)


def test_garbage_is_the_sum_of_what_its_samples_stand_for_with_its_standard_error():
    state = State()
    asked, thinned = [sample(1, 1000, 0.5), sample(2, 400, 1.0)], [sample(3, 300, 0.1), sample(4, 300, 0.1)]
    found = fates(_1="g", _2="h", _3="g", _4="H")
    state.garbage.found(state.garbage.now(), [(1.0, asked), (2.0, thinned)], found)
    assert state.garbage.vitals() == {
        "garbage_bytes": 2000 + 6000,
        "garbage_error_bytes": pytest.approx(math.sqrt(2000**2 * 0.5 + 6000**2 * 0.95)),
    }


def test_a_sample_that_was_freed_meanwhile_is_no_garbage():
    state = State()
    state.garbage.found(state.garbage.now(), [(1.0, [sample(1, 1000, 0.5)])], {})
    assert state.garbage.vitals() == {"garbage_bytes": 0.0, "garbage_error_bytes": 0.0}


def test_nothing_is_known_before_a_walk_nor_after_a_full_collection_nor_after_an_hour():
    state = State()
    assert state.garbage.vitals() == {}
    for later in ("collections", "now"):
        state.garbage.found(state.garbage.now(), [(1.0, [sample(1, 1000, 0.5)])], fates(_1="g"))
        assert state.garbage.vitals()["garbage_bytes"] == 2000
        setattr(state, later, getattr(state, later) + 3601)
        assert state.garbage.vitals() == {}


def test_garbage_that_was_collected_during_the_walk_is_not_told():
    state = State()
    before = state.garbage.now()
    state.collections += 1
    state.garbage.found(before, [(1.0, [sample(1, 1000, 0.5)])], fates(_1="g"))
    assert state.garbage.vitals() == {}


REAL = """
import gc, json, sys, threading
from heaptide.tracemalloc_ng import _sampler
from heaptide.heap.diagnosis import Diagnosis
gc.disable()

class Node:
    def __init__(self):
        self.me, self.payload = self, bytearray(10_000)

def cycles(count):
    for _ in range(count):
        Node()

_sampler.start(16, 32 * 1024, 1e9, 1 << 26)
KEPT = [bytearray(10_000) for _ in range(2_000)]
cycles(int(sys.argv[1]))
diagnosis = Diagnosis()
told = []
request = {"id": "1", "sites": [0], "by_hand": True}
thread = threading.Thread(target=lambda: told.append(diagnosis.answer(request, lambda _: 1, lambda: False)))
thread.start()
thread.join()
vitals = dict(diagnosis.garbage.vitals())
gc.collect()
print(json.dumps([told[0]["status"], told[0]["reason"], vitals, diagnosis.garbage.vitals()]))
"""


@pytest.mark.parametrize("cycles", [2_000, 0])
def test_the_garbage_of_a_real_process_is_estimated_within_its_error_and_forgotten_when_it_is_collected(run, cycles):
    status, reason, vitals, after = run(REAL, str(cycles))
    assert (status, reason) == ("done", "")
    truth = cycles * 10_000
    assert vitals["garbage_bytes"] == pytest.approx(truth, abs=4 * vitals["garbage_error_bytes"] + 0.05 * truth)
    assert (vitals["garbage_error_bytes"] > 0) == (cycles > 0)
    assert vitals["garbage_error_bytes"] <= truth / 4
    assert after == {}
