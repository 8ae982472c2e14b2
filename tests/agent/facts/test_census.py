"""Counting objects per type."""

from __future__ import annotations

import gc
import weakref

import objgraph
import pytest

from heaptide import census
from heaptide.census import Census


class Quote:
    pass


@pytest.fixture
def no_collection():
    """The test itself decides when garbage goes, so counts can be compared."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


NAME = f"{__name__}.Quote"


@pytest.fixture(autouse=True, params=["in C", "in Python"])
def counted(request, monkeypatch):
    """Both ways of counting, where the heap walker was built."""
    if request.param == "in Python":
        monkeypatch.setattr(census, "_walker", None)
    elif census._walker is None:
        pytest.skip("the heap walker wasn't built here")


def test_a_types_objects_are_counted_by_its_qualified_name():
    kept = [Quote() for _ in range(1_234)]
    counts = Census().take(most=100_000)
    assert counts[NAME] == len(kept)
    assert counts["builtins.dict"] > 0


def test_counts_and_names_are_objgraphs(no_collection):
    kept = [{"quote": [number]} for number in range(50_000)]
    mine = Census().take(most=100_000)
    theirs = objgraph.typestats(shortnames=False)
    assert mine["builtins.dict"] >= len(kept)
    differing = {
        name: (mine.get(name), count)
        for name, count in theirs.items()
        # Types of Cython and wrapt give their module's name by code of their metaclass, which a census doesn't run.
        if not name.startswith(("heaptide.", "_cython_", "<")) and abs(mine.get(name, 0) - count) > 5
    }
    assert not differing


def test_a_second_count_finds_what_was_made_since_and_nothing_of_the_census(no_collection):
    counting = Census(budget_s=10)
    before = counting.take(most=100_000)
    kept = [Quote() for _ in range(100)]
    after = counting.take(most=100_000)
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in {*before, *after}}
    changes = {name: change for name, change in changes.items() if abs(change) > 2}
    # The counts may be held as tracked dicts, and so may the instances' own.
    assert changes.pop(NAME) == len(kept)
    assert set(changes) <= {"builtins.dict"}


def test_no_object_is_held_after_the_count():
    quote = Quote()
    gone = weakref.ref(quote)
    Census().take()
    del quote
    assert gone() is None


def test_objects_of_the_agents_own_classes_are_left_out():
    counting = Census()
    kept = [Census() for _ in range(10)]
    assert kept
    assert not [name for name in counting.take(most=100_000) if name.startswith("heaptide.")]


def test_types_beyond_the_number_asked_for_are_summed():
    counting = Census(budget_s=10)
    few, all_types = counting.take(most=5), counting.take(most=100_000)
    assert len(few) == 6
    assert few["(other)"] > 0
    assert "(other)" not in all_types
    assert sum(few.values()) == pytest.approx(sum(all_types.values()), rel=0.01)
    assert list(few.values())[:5] == sorted(list(few.values())[:5], reverse=True)


def test_a_class_that_lies_about_its_name_is_counted_all_the_same():
    class Liar(type):
        @property
        def __name__(cls):
            raise RuntimeError("the agent ran an application's code")

    class Told(metaclass=Liar):
        __module__ = 7

    kept = [Told() for _ in range(3)]
    assert Census().take(most=100_000)["Told"] == len(kept)


def test_a_count_past_the_budget_spaces_the_next_out_to_a_hundredth_of_the_time(clock):
    cpu_s = iter([0.0, 0.25, 1.0, 1.005])
    counting = Census(clock=clock, cost_clock=lambda: next(cpu_s))
    assert counting.take() is not None
    assert counting.spacing_s == pytest.approx(25)
    clock.now_s += 24.9
    assert counting.take() is None
    clock.now_s += 0.2
    assert counting.take() is not None
    assert counting.spacing_s == 0


def test_a_count_forces_no_collection():
    gc.collect()
    collections = [generation["collections"] for generation in gc.get_stats()]
    Census().take()
    assert [generation["collections"] for generation in gc.get_stats()][2] == collections[2]
