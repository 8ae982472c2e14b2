from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from heaptide_server.store.generations import Life, Slot, assign


def life(number, started_at, last_seen, *, alive=False, key=None):
    return Life(number, key or str(number), started_at, last_seen, alive)


def test_a_recycled_worker_takes_the_slot_of_the_one_it_follows():
    lives = [life(1, 0, 10), life(2, 0, 20), life(3, 11, 30, alive=True), life(4, 21, 30, alive=True)]
    assert assign(lives) == {1: (1, 1), 2: (2, 1), 3: (1, 2), 4: (2, 2)}


def test_a_silent_worker_keeps_its_slot_until_its_end_is_known():
    young = life(2, 11, 20, alive=True)
    assert assign([life(1, 0, 10, alive=True), young])[2] == (2, 1)
    assert assign([life(1, 0, 10), young])[2] == (1, 2)


def test_a_process_that_begins_anew_stays_in_its_slot():
    lives = [life(1, 0, 50, key="a"), life(2, 0, 90, key="a", alive=True), life(3, 1, 90, alive=True)]
    assert assign(lives) == {1: (1, 1), 2: (1, 2), 3: (2, 1)}


def test_settled_slots_count_on():
    settled = [Slot(1, 7, "a", 10, alive=False), Slot(2, 3, "b", 99, alive=True)]
    assert assign([life(9, 11, 20, alive=True)], settled) == {9: (1, 8)}


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30), st.booleans()), max_size=20))
def test_workers_of_one_slot_never_overlap_and_generations_count_up(told):
    lives = [life(i, start, start + length, alive=alive) for i, (start, length, alive) in enumerate(told)]
    assigned = assign(lives)
    slots = {}
    for one in sorted(lives, key=lambda one: assigned[one.id]):
        slots.setdefault(assigned[one.id][0], []).append(one)
    assert sorted(slots) == list(range(1, len(slots) + 1))
    for followers in slots.values():
        assert [assigned[one.id][1] for one in followers] == list(range(1, len(followers) + 1))
        for before, after in pairwise(followers):
            assert before.last_seen <= after.started_at
            assert not before.alive
