from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heaptide_server.trends.judge import judge
from heaptide_server.trends.verdict import Generation, Options, Verdict

SOME = ["linear", "sublinear", "lru_linear", "following_load", "warm_up", "flat", "one_step"]
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def said(verdicts: list[Verdict]) -> list[tuple[bool, bool, bool]]:
    return [(v.suspect, v.clear, v.filling) for v in verdicts]


@pytest.mark.parametrize("seed", range(1, 9, 2))
@pytest.mark.parametrize("life", [None, 80])
def test_leaks_are_suspect_and_innocent_shapes_are_not(
    simulate: Any, leak_shapes: list[str], innocent_shapes: list[str], seed: int, life: int | None
) -> None:
    # Two leaks that are half hidden take longer than this run.
    leaks = [name for name in leak_shapes if name not in ("under_sawtooth", "masked")]
    fleet = simulate(seed, leaks + innocent_shapes, life=life)
    suspected = Counter(
        fleet.names[v.row]
        for interval in range(360, 481, 30)
        for v in judge(fleet.until(interval), Options())
        if v.suspect
    )
    assert {name for name, looks in suspected.items() if looks >= 3} == set(leaks)


@pytest.mark.parametrize("seed", range(1, 12, 2))
def test_a_cache_that_refills_in_each_generation_is_suspected_at_most_while_it_first_fills(
    simulate: Any, seed: int
) -> None:
    fleet = simulate(seed, ["lru_linear", "linear"], life=80, workers=2, intervals=320)
    for interval in range(90, 320, 7):
        cache, leak = judge(fleet.until(interval), Options())
        assert not cache.suspect
        assert leak.suspect


def test_a_young_generation_alone_convicts_nobody_once_the_slot_has_completed_others(simulate: Any) -> None:
    fleet = simulate(3, ["lru_linear"], life=80, workers=2, intervals=400)
    (verdict,) = judge(fleet.until(80 * 3 + 30), Options())
    assert not verdict.suspect
    assert verdict.generations >= 6


@given(factor=st.floats(1e-2, 1e3), seed=st.integers(0, 10**6))
@QUICK
def test_the_verdict_does_not_depend_on_the_unit_of_size(simulate: Any, factor: float, seed: int) -> None:
    generations = simulate(seed, SOME, workers=2, intervals=120).until(120)
    options = Options()
    scaled = [replace(g, floors=g.floors * factor) for g in generations]
    scaled_options = Options(options.least_bytes_per_day * factor, options.least_bytes * factor)
    assert said(judge(scaled, scaled_options)) == said(judge(generations, options))


@given(offset=st.floats(0, 1e10), seed=st.integers(0, 10**6))
@QUICK
def test_the_verdict_does_not_depend_on_what_was_there_before(simulate: Any, offset: float, seed: int) -> None:
    generations = simulate(seed, SOME, workers=2, intervals=120).until(120)
    shifted = [replace(g, floors=g.floors + offset) for g in generations]
    assert said(judge(shifted, Options())) == said(judge(generations, Options()))


@given(factor=st.sampled_from([1 / 60, 0.5, 2.0, 60.0]), seed=st.integers(0, 10**6))
@QUICK
def test_the_verdict_does_not_depend_on_the_unit_of_time(simulate: Any, factor: float, seed: int) -> None:
    generations = simulate(seed, SOME, workers=2, intervals=120).until(120)
    scaled = [replace(g, age_s=g.age_s * factor) for g in generations]
    options = Options(least_bytes_per_day=0)
    assert said(judge(scaled, options)) == said(judge(generations, options))


@given(order=st.permutations([0, 1, 2, 3]), seed=st.integers(0, 10**6))
@QUICK
def test_permuting_workers_changes_nothing(simulate: Any, order: list[int], seed: int) -> None:
    generations = simulate(seed, SOME, workers=4, intervals=120).until(120)
    before, after = judge(generations, Options()), judge([generations[i] for i in order], Options())
    assert said(after) == said(before)
    assert [v.z for v in after] == pytest.approx([v.z for v in before], rel=1e-6, abs=1e-6)


@st.composite
def damaged(draw: Any) -> Generation:
    n = draw(st.integers(0, 130))
    values = st.one_of(st.just(float("nan")), st.floats(-1e12, 1e12))
    steps = st.floats(0, 1e6)
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    floors = rng.choice(draw(st.lists(values, min_size=1, max_size=5)), (3, n))
    return Generation(
        slot=draw(st.sampled_from("ab")),
        number=draw(st.integers(1, 3)),
        release=draw(st.sampled_from([None, "1"])),
        ended=draw(st.booleans()),
        started_at=0.0,
        age_s=np.cumsum(rng.choice(draw(st.lists(steps, min_size=1, max_size=3)), n)),
        requests=np.cumsum(rng.choice(draw(st.lists(steps, min_size=1, max_size=3)), n)),
        floors=floors,
        variance=np.zeros(3),
        live=np.zeros(3),
        allocated=np.zeros(3),
    )


@given(st.lists(damaged(), max_size=6))
@settings(max_examples=150, deadline=None)
def test_gaps_nothing_served_and_clocks_that_stand_still_neither_crash_nor_convict(lives: list[Generation]) -> None:
    assert not any(v.suspect for v in judge(lives, Options()))


def test_a_worker_that_reported_once_changes_no_verdict(simulate: Any) -> None:
    generations = simulate(5, SOME, workers=2).until(480)
    young = replace(generations[0], slot="host/9", age_s=np.array([30.0]), requests=np.array([4.0]))
    young = replace(young, floors=young.floors[:, :1])
    assert said(judge([*generations, young], Options())) == said(judge(generations, Options()))


def test_without_requests_a_leak_shows_in_time(simulate: Any) -> None:
    generations = simulate(5, ["by_time", "flat"], workers=2).until(480)
    leak, flat = judge([replace(g, requests=g.requests * 0) for g in generations], Options())
    assert (leak.suspect, leak.clock, leak.bytes_per_request) == (True, "time", None)
    assert flat.clear


def test_growth_is_told_per_hour_of_the_whole_service_and_per_request(simulate: Any) -> None:
    fleet = simulate(7, ["linear"], load="steady")
    (verdict,) = judge(fleet.until(480), Options())
    (row,) = {life.levels[0][-1] / life.served[-1] for life in fleet.lives[:1]}
    assert verdict.bytes_per_request == pytest.approx(row, rel=0.1)
    assert verdict.bytes_per_hour == pytest.approx(row * 40 * 120 * 4, rel=0.15)
    assert verdict.low < verdict.bytes_per_hour < verdict.high


@pytest.mark.parametrize("seed", range(1, 5))
def test_what_rises_no_more_than_the_load_is_no_suspect_while_the_load_rises_and_a_leak_beside_it_is(
    simulate: Any, seed: int
) -> None:
    fleet = simulate(seed, ["following_load", "linear"], load="ramp")
    for interval in range(120, 481, 40):
        following, leak = judge(fleet.until(interval), Options())
        assert not following.suspect
        assert leak.suspect


def sampled(generations: list[Generation], weight: float, keeps: float) -> list[Generation]:
    """As a tracer that samples sees them: whole samples alone, and how much of what it saw lives still."""
    rng = np.random.default_rng(8)
    result = []
    for one in generations:
        steps = np.diff(np.maximum.accumulate(one.floors, axis=1), axis=1, prepend=0.0)
        floors = weight * np.cumsum(rng.poisson(steps / weight), axis=1)
        live = floors[:, -1]
        result.append(replace(one, floors=floors, variance=weight * live, live=live, allocated=live / keeps))
    return result


def test_few_samples_convict_where_none_of_them_was_ever_freed_and_not_where_most_were(simulate: Any) -> None:
    generations = simulate(7, ["linear"], load="daily").until(480)
    size = sum(g.floors[0, -1] for g in generations)
    kept, freed = (judge(sampled(generations, size / 40, keeps), Options())[0] for keeps in (1.0, 0.2))
    assert kept.suspect
    assert kept.z > freed.z


def test_what_few_samples_show_is_told_to_be_stepwise_and_a_smooth_rise_is_not(simulate: Any) -> None:
    generations = simulate(7, ["linear"], load="steady").until(480)
    size = sum(g.floors[0, -1] for g in generations)
    (few,), (all_of_it,) = (judge(some, Options()) for some in (sampled(generations, size / 8, 1.0), generations))
    assert (few.stepwise, all_of_it.stepwise) == (True, False)


def test_how_long_it_was_watched_is_told_in_multiples_of_the_least(simulate: Any) -> None:
    generations = simulate(3, ["linear"], workers=2).until(480)
    (verdict,) = judge([replace(g, width=4) for g in generations], Options(least_intervals=60))
    assert verdict.lived == 4 * len(generations[0].age_s) / 60


def test_the_evidence_is_a_sentence(simulate: Any) -> None:
    leak, cache, _ = judge(simulate(7, ["linear", "lru_random", "flat"], life=80).until(400), Options())
    assert leak.evidence.startswith("Rose in 4 of 4 workers and in ")
    assert leak.evidence.endswith("no sign of levelling off.")
    assert not cache.suspect


def test_a_release_ends_a_series(simulate: Any) -> None:
    generations = simulate(7, ["linear"], workers=2).until(480)
    young = [
        replace(g, number=2, release="2", age_s=g.age_s[:20], requests=g.requests[:20], floors=g.floors[:, :20])
        for g in generations
    ]
    assert judge(generations, Options())[0].suspect
    assert judge([*generations, *young], Options()) == []


def test_below_the_least_size_nothing_is_said(simulate: Any) -> None:
    generations = simulate(7, ["linear"]).until(480)
    assert not judge(generations, Options(least_bytes=1e9))[0].suspect
    assert not judge(generations, Options(least_bytes_per_day=1e12))[0].suspect


def test_many_rows_are_judged_within_a_second(simulate: Any) -> None:
    some = simulate(9, ["linear", "flat", "sawtooth", "flat", "lru_linear"] * 2, intervals=120).until(120)
    none = np.zeros(5000)
    many = [replace(g, floors=np.tile(g.floors, (500, 1)), variance=none, live=none, allocated=none) for g in some]
    begin = time.process_time()
    verdicts = judge(many, Options())
    assert time.process_time() - begin < 3  # a second on an idle machine; this one may be busy
    assert sum(v.suspect for v in verdicts) >= 1000
