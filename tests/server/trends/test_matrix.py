from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from heaptide.wire import VITALS, pack
from heaptide_server.model import Stored, Worker, WorkerIdentity
from heaptide_server.trends.judge import judge
from heaptide_server.trends.matrix import MOST_LIVES, Matrix
from heaptide_server.trends.track import MOST_BUCKETS
from heaptide_server.trends.verdict import Options

GROUP = ("shop", "production")
SITES = [40, 7, 300]


def worker(worker_id: int, *, slot: int = 1, generation: int = 1, started_at: float = 0.0) -> Worker:
    identity = WorkerIdentity(f"{worker_id:032x}", *GROUP, "host", 1, started_at, "1", "3.12", "0.1", None, 1.0)
    nothing: dict[str, Any] = {}
    return Worker(worker_id, identity, slot, generation, 0.0, 0.0, None, None, 0, nothing, nothing, nothing, 0.0)


def entry(number: int, worker_id: int, at: float, kind: str = "change", looked: bool = True, **changes: int) -> Stored:
    ids = sorted(int(name[1:]) for name in changes)
    sites = pack(ids, {"bytes": [changes[f"s{i}"] for i in ids]}) if ids else pack([], {})
    vitals = dict.fromkeys(VITALS)
    return Stored(number, worker_id, kind, at, 1.0, 10, vitals, sites, pack([], {}), looked)  # type: ignore[arg-type]


@pytest.fixture
def matrix() -> Matrix:
    return Matrix()


def take(matrix: Matrix, entries: list[Stored], *workers: Worker) -> None:
    matrix.add(entries, {w.id: w for w in workers}, lambda _worker_id: SITES)


def row(matrix: Matrix, site: int) -> np.ndarray:
    (generation,) = matrix.generations(GROUP, np.array([site]))
    return generation.floors[0]


def test_levels_are_the_running_sum_of_changes_by_the_stores_own_sites(matrix: Matrix) -> None:
    take(matrix, [entry(1, 1, 1, "start", s0=100, s2=5), entry(2, 1, 2, s0=-40), entry(3, 1, 3, s1=9)], worker(1))
    assert row(matrix, 40).tolist() == [100, 60, 60]
    assert row(matrix, 300).tolist() == [5, 5, 5]
    np.testing.assert_array_equal(row(matrix, 7), [np.nan, np.nan, 9])
    (generation,) = matrix.generations(GROUP, np.array([40]))
    assert generation.age_s.tolist() == [1, 2, 3]
    assert generation.requests.tolist() == [10, 20, 30]


def test_an_entry_without_a_look_adds_requests_but_no_point(matrix: Matrix) -> None:
    take(matrix, [entry(1, 1, 1, "start", s0=100), entry(2, 1, 2, looked=False), entry(3, 1, 3, s0=1)], worker(1))
    (generation,) = matrix.generations(GROUP, np.array([40]))
    assert generation.floors.tolist() == [[100, 101]]
    assert generation.requests.tolist() == [10, 30]


def test_a_long_life_keeps_the_lowest_of_merged_buckets(matrix: Matrix) -> None:
    changes = [entry(1, 1, 1, "start", s0=1000)]
    changes += [entry(i, 1, i, s0=5 if i % 2 else -5) for i in range(2, 300)]
    take(matrix, changes, worker(1))
    floors = row(matrix, 40)
    assert len(floors) <= MOST_BUCKETS
    assert set(floors[:-1].tolist()) == {995}
    (generation,) = matrix.generations(GROUP, np.array([40]))
    assert generation.age_s[-1] == 299
    assert (np.diff(generation.age_s) > 0).all()


def test_a_very_long_life_forgets_its_beginning_and_stays_bounded(matrix: Matrix) -> None:
    take(matrix, [entry(1, 1, 1, "start", s0=1)] + [entry(i, 1, i, s0=1) for i in range(2, 6001)], worker(1))
    (generation,) = matrix.generations(GROUP, np.array([40]))
    assert len(generation.age_s) <= MOST_BUCKETS
    assert generation.age_s[0] > 1000
    assert generation.floors[0, -1] > 5900


def test_past_lives_are_bounded_and_the_forgotten_are_counted(matrix: Matrix) -> None:
    workers = [worker(n, generation=n, started_at=10.0 * n) for n in range(1, 21)]
    entries = []
    for n, one in enumerate(workers):
        at = one.identity.started_at
        entries += [entry(3 * n, one.id, at + 1, "start", s0=5), entry(3 * n + 1, one.id, at + 2, "end")]
    for one, pair in zip(workers, zip(entries[::2], entries[1::2], strict=True), strict=True):
        take(matrix, list(pair), one)
    lives = matrix.generations(GROUP, np.array([40]))
    assert [life.number for life in lives] == list(range(21 - MOST_LIVES, 21))
    assert {life.forgotten for life in lives} == {20 - MOST_LIVES}
    assert all(life.ended for life in lives)


def test_a_worker_that_comes_back_after_its_end_goes_on(matrix: Matrix) -> None:
    entries = [entry(1, 1, 1, "start", s0=5), entry(2, 1, 9, "end"), entry(3, 1, 10, s0=2)]
    take(matrix, entries, worker(1))
    assert row(matrix, 40).tolist() == [5, 7]
    assert matrix.living() == [1]


def test_only_sites_that_grew_are_candidates_growth_of_short_lives_adds_up(matrix: Matrix) -> None:
    for n in range(1, 5):
        begin = 100.0 * n
        entries = [entry(1000 * n, n, begin, "start", s0=0, s1=10**6)]
        entries += [entry(1000 * n + i, n, begin + i, s0=2000, s1=(-1) ** i) for i in range(1, 30)]
        take(matrix, [*entries, entry(1000 * n + 99, n, begin + 30, "end")], worker(n, generation=n, started_at=begin))
        if n == 1:
            assert matrix.candidates(GROUP, Options())[0].tolist() == []
    assert matrix.candidates(GROUP, Options())[0].tolist() == [40]


@pytest.fixture
def placed() -> Matrix:
    """Sites 40 and 7 meet at one place, 300 has none."""
    return Matrix(lambda sites: np.array([{40: 5, 7: 5}.get(site, -1) for site in sites.tolist()], dtype=np.int64))


def test_sites_too_small_alone_are_a_candidate_where_they_meet_and_their_sum_is_a_row(placed: Matrix) -> None:
    entries = [entry(1, 1, 1, "start", s0=0, s1=0, s2=0)]
    entries += [entry(i, 1, i, s0=2000, s1=3000, s2=3000) for i in range(2, 40)]
    take(placed, entries, worker(1))
    sites, places = placed.candidates(GROUP, Options())
    assert (sites.tolist(), places.tolist()) == ([], [5])
    (generation,) = placed.generations(GROUP, np.array([300]), places)
    assert generation.floors[:, -1].tolist() == [114_000, 190_000]
    assert placed.leads(GROUP, places).tolist() == [7]


def test_a_site_alone_at_its_place_is_no_second_candidate(placed: Matrix) -> None:
    entries = [entry(1, 1, 1, "start", s0=0, s1=7)]
    take(placed, entries + [entry(i, 1, i, s0=20_000) for i in range(2, 40)], worker(1))
    sites, places = placed.candidates(GROUP, Options())
    assert (sites.tolist(), places.tolist()) == ([40], [])


def survivor(number: int, at: float, live: int, old: int) -> Stored:
    blob = pack([0], {"bytes": [live], "survivor_bytes": [old], "allocated_bytes": [5 * live]})
    kind = "start" if number == 1 else "change"
    return Stored(number, 1, kind, at, 1.0, 10, dict.fromkeys(VITALS), blob, pack([], {}), True)  # type: ignore[arg-type]


def test_survivors_count_from_the_age_at_which_what_was_allocated_at_the_start_survives(matrix: Matrix) -> None:
    one = worker(1)
    one = replace(one, identity=replace(one.identity, interval_s=30.0))
    changes = [survivor(i, 30.0 * i, 100, 100 * (i > 2)) for i in range(1, 6)]
    take(matrix, changes, one)
    np.testing.assert_array_equal(row(matrix, 40), [np.nan, np.nan, 100, 200, 300])


@pytest.mark.parametrize(("interval_s", "floors"), [(30.0, [60, 90]), (0.5, [100, 150])])
def test_floors_are_those_of_survivors_where_these_are_told_soon_enough(
    matrix: Matrix, interval_s: float, floors: list[int]
) -> None:
    one = worker(1)
    one = replace(one, identity=replace(one.identity, interval_s=interval_s))
    take(matrix, [survivor(1, 100, 100, 60), survivor(2, 200, 50, 30)], one)
    (generation,) = matrix.generations(GROUP, np.array([40]))
    assert generation.floors[0].tolist() == floors
    assert (generation.live.tolist(), generation.allocated.tolist()) == ([150], [750])


def test_live_bytes_count_living_workers_alone(matrix: Matrix) -> None:
    take(
        matrix,
        [entry(1, 1, 1, "start", s0=5), entry(2, 2, 1, "start", s0=7), entry(3, 1, 2, "end")],
        worker(1),
        worker(2, slot=2),
    )
    assert matrix.live_bytes(GROUP, [40]) == (7, None)


def test_a_look_is_due_once_every_worker_had_the_time_to_report(matrix: Matrix) -> None:
    take(matrix, [entry(1, 1, 1, "start", s0=5)], worker(1), worker(2, slot=2))
    take(matrix, [entry(2, 2, 1, "start", s0=5)])
    assert matrix.groups_due() == [GROUP]
    matrix.looked_at(GROUP)
    take(matrix, [entry(3, 1, 2)])
    assert matrix.groups_due() == []
    take(matrix, [entry(4, 2, 2)])
    assert matrix.groups_due() == [GROUP]


def test_a_tick_over_twenty_thousand_sites_costs_under_a_second_of_cpu() -> None:
    matrix = Matrix(lambda sites: sites // 10)
    sites, rng = list(range(20_000)), np.random.default_rng(1)
    workers = {n: worker(n, slot=n) for n in range(1, 5)}

    def take_in(at: int) -> None:
        ids = sites if at == 1 else sites[:1000]
        sizes = rng.integers(0, 10**6, len(ids)) if at == 1 else np.full(len(ids), 20_000)
        blob = pack(ids, {"bytes": sizes.tolist()})
        entries = [
            Stored(4 * at + n, n, "start" if at == 1 else "change", at, 1.0, 10, {}, blob, pack([], {}), looked=True)
            for n in workers
        ]
        matrix.add(entries, workers, lambda _worker_id: sites)

    for at in range(1, 61):
        take_in(at)
    begin = time.process_time()
    take_in(61)
    candidates, places = matrix.candidates(GROUP, Options())
    matrix.leads(GROUP, places)
    verdicts = judge(matrix.generations(GROUP, candidates, places), Options())
    assert time.process_time() - begin < 1
    assert len(candidates) == 1000
    assert sum(verdict.suspect for verdict in verdicts) == 1000 + len(places)
