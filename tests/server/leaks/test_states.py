from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from heaptide_server.leaks import states
from heaptide_server.leaks.states import Options, Seen
from heaptide_server.model import Forecast, Leak
from heaptide_server.trends.verdict import Verdict

OPTIONS = Options(filled_looks=2, opening_looks=2, least_lives=0.0, patience=0.0, lasting=inf)
PATIENT = replace(OPTIONS, patience=1.25)
LASTING = replace(OPTIONS, lasting=1.5)


def look(
    kind: str,
    grown: float = 1e6,
    release: str | None = "1",
    lived: float = 1.0,
    stepwise: bool = False,
    ratio: float = 1.0,
) -> Seen:
    verdict = Verdict(
        row=0,
        suspect=kind == "suspect",
        clear=kind == "clear",
        filling=kind == "filling",
        z=9.0,
        bytes_per_hour=1e6,
        low=9e5,
        high=1.1e6,
        bytes_per_request=100.0,
        grown_bytes=grown,
        ceiling_bytes=None,
        clock="requests",
        workers_rising=2,
        workers=2,
        generations_rising=2,
        generations=2,
        evidence="Rose.",
        late_bytes=grown / 2,
        lived=lived,
        stepwise=stepwise,
        ratio=ratio,
    )
    return Seen("id", "shop", "production", "site", None, None, verdict, 5_000_000, None, release)


def after(leak: Leak | None, *looks: Seen, options: Options = OPTIONS) -> tuple[Any, list[str]]:
    told = []
    for now, one in enumerate(looks):
        leak, event = states.advance(leak, one, float(now), options)
        told += [event.kind] if event else []
    return leak, told


@pytest.fixture
def opened() -> Leak:
    leak, told = after(None, *[look("suspect")] * 3, look("suspect", 2e6))
    assert told == ["leak.firing"]
    return leak


def test_one_suspect_look_is_only_an_impression() -> None:
    leak, _ = after(None, look("suspect"))
    assert not states.shown(leak, OPTIONS)
    assert after(leak, look("unsure"))[0] is None


def test_a_suspect_opens_only_once_its_growth_has_doubled() -> None:
    leak, told = after(None, *[look("suspect")] * 20, look("suspect", 1.9e6))
    assert (leak.status, told) == ("suspect", [])
    leak, told = after(leak, look("suspect", 2e6))
    assert (leak.status, told) == ("open", ["leak.firing"])


def test_a_suspect_opens_only_once_a_worker_has_lived_for_long_enough() -> None:
    options = replace(OPTIONS, least_lives=2.5)
    leak, told = after(None, *[look("suspect")] * 9, look("suspect", 9e6, lived=2.4), options=options)
    assert (leak.status, told) == ("suspect", [])
    assert after(leak, look("suspect", 9e6, lived=2.5), options=options)[1] == ["leak.firing"]


def test_what_all_workers_rise_by_in_the_same_few_steps_waits_for_a_longer_life() -> None:
    def steps(lived: float) -> Seen:
        one = look("suspect", 9e6, lived=lived)
        return replace(one, verdict=replace(one.verdict, in_step=True))

    leak, told = after(None, *[look("suspect")] * 9, steps(5.9))
    assert (leak.status, told) == ("suspect", [])
    assert after(leak, steps(6.0))[1] == ["leak.firing"]
    assert after(leak, look("suspect", 9e6, lived=5.9))[1] == ["leak.firing"]


def test_what_has_risen_in_very_few_steps_does_not_open() -> None:
    few = look("suspect", 9e6)
    leak, told = after(None, *[look("suspect")] * 9, replace(few, verdict=replace(few.verdict, steps=5.4)))
    assert (leak.status, told) == ("suspect", [])
    assert after(leak, replace(few, verdict=replace(few.verdict, steps=5.5)))[1] == ["leak.firing"]


def test_a_suspect_seen_late_opens_once_it_has_grown_by_as_much_again_as_in_the_least_time() -> None:
    leak, told = after(None, *[look("suspect", 1e6, lived=5.0)] * 9, look("suspect", 1.19e6, lived=6.0))
    assert (leak.status, told) == ("suspect", [])
    leak, told = after(leak, look("suspect", 1.2e6, lived=6.0))
    assert (leak.status, told) == ("open", ["leak.firing"])


def test_what_rises_in_steps_must_grow_by_more_and_by_less_the_later_it_was_seen() -> None:
    leak, told = after(None, *[look("suspect", 1e6)] * 9, look("suspect", 4.9e6, lived=8.0, stepwise=True))
    assert (leak.status, told) == ("suspect", [])
    assert after(leak, look("suspect", 5e6, lived=8.0, stepwise=True))[1] == ["leak.firing"]
    leak, told = after(None, *[look("suspect", 1e6, lived=5.0)] * 9, look("suspect", 1.7e6, lived=8.0, stepwise=True))
    assert (leak.status, told) == ("suspect", [])
    leak, told = after(leak, look("suspect", 1.8e6, lived=8.0, stepwise=True))
    assert (leak.status, told) == ("open", ["leak.firing"])


def test_a_suspect_that_has_slowed_down_since_does_not_open_and_one_that_was_slow_from_the_first_does() -> None:
    leak, told = after(None, *[look("suspect", ratio=1.2)] * 9, look("suspect", 3e6, ratio=0.55))
    assert (leak.status, told) == ("suspect", [])
    leak, told = after(None, *[look("suspect", ratio=0.8)] * 9, look("suspect", 3e6, ratio=0.55))
    assert (leak.status, told) == ("open", ["leak.firing"])


@pytest.mark.parametrize(("lived", "status"), [(5.9, "suspect"), (6.0, "open")])
def test_the_whole_windows_growth_counts_only_where_the_suspicion_began_early(lived: float, status: str) -> None:
    shrunk = look("suspect", 9e5, lived=9.0)
    shrunk = replace(shrunk, verdict=replace(shrunk.verdict, late_bytes=2e6))
    assert after(None, *[look("suspect", 1e6, lived=lived)] * 9, shrunk)[0].status == status


def test_a_suspicion_lasts_for_longer_than_the_least_time_before_it_opens() -> None:
    leak, told = after(None, *[look("suspect", lived=3.0)] * 9, look("suspect", 5e6, lived=4.2), options=PATIENT)
    assert (leak.status, told) == ("suspect", [])
    leak, told = after(leak, look("suspect", 5e6, lived=4.25), options=PATIENT)
    assert (leak.status, told) == ("open", ["leak.firing"])


@pytest.mark.parametrize(("rising", "status"), [(3, "open"), (2, "suspect")])
def test_a_suspicion_that_later_generations_repeat_does_not_wait(rising: int, status: str) -> None:
    last = look("suspect", 5e6)
    last = replace(last, verdict=replace(last.verdict, generations=4, generations_rising=rising))
    assert after(None, *[look("suspect")] * 9, last, options=PATIENT)[0].status == status


def test_a_suspect_opens_only_after_some_suspect_looks_in_a_row() -> None:
    options = replace(OPTIONS, opening_looks=4)
    leak, _ = after(None, *[look("suspect")] * 9, look("unsure"), *[look("suspect", 5e6)] * 3, options=options)
    assert leak.status == "suspect"
    assert after(leak, look("suspect", 5e6), options=options)[1] == ["leak.firing"]


@pytest.mark.parametrize(("low", "status"), [(3_600.0, "open"), (3_700.0, "suspect")])
def test_a_suspect_that_may_fill_the_limit_within_a_workers_life_does_not_wait(low: float, status: str) -> None:
    last = look("suspect", 5e6)
    last = replace(last, verdict=replace(last.verdict, age_h=1.0), forecast=Forecast(1e9, 9_999.0, 9 + low, None))
    leak, _ = after(None, *[look("suspect")] * 9, last, options=PATIENT)  # seen at second 9
    assert leak.status == status


def test_a_suspicion_that_lasts_for_a_third_of_a_long_life_opens_whatever_it_has_grown_by() -> None:
    leak, told = after(None, *[look("suspect", lived=5.0)] * 9, look("suspect", lived=7.9), options=LASTING)
    assert (leak.status, told) == ("suspect", [])
    assert after(leak, look("suspect", lived=8.0), options=LASTING)[1] == ["leak.firing"]
    assert after(leak, look("suspect", lived=8.0, ratio=0.55), options=LASTING)[1] == []


def test_one_look_that_cannot_say_does_not_end_a_lasting_suspicion_and_a_second_one_does() -> None:
    leak, _ = after(None, *[look("suspect", lived=5.0)] * 9, look("unsure", lived=7.0), options=LASTING)
    assert after(leak, *[look("suspect", lived=8.0)] * 2, options=LASTING)[1] == ["leak.firing"]
    assert after(leak, look("unsure", lived=7.1), *[look("suspect", lived=8.0)] * 2, options=LASTING)[1] == []


def test_an_open_leak_that_fills_for_long_was_a_cache_and_is_told_to_be_over(opened: Leak) -> None:
    leak, told = after(opened, *[look("filling", 3e6)] * (OPTIONS.bounded_looks - 1))
    assert (leak.status, told) == ("open", [])
    leak, told = after(leak, look("filling", 3e6))
    assert (leak.status, told) == ("filling", ["leak.resolved"])
    assert after(leak, *[look("clear")] * 5)[0] is None


def test_a_suspect_that_fills_for_long_must_double_from_where_it_is_suspected_again() -> None:
    leak, told = after(None, *[look("suspect")] * 3, *[look("filling", 1.5e6)] * 4)
    assert leak.status == "filling"
    leak, told = after(leak, *[look("suspect", 2.5e6)] * 5)
    assert (leak.status, told) == ("suspect", [])


def test_a_suspect_that_looks_full_for_a_moment_keeps_its_count() -> None:
    leak, told = after(None, *[look("suspect")] * 3, *[look("filling", 1.5e6)] * 2)
    assert leak.status == "filling"
    leak, told = after(leak, *[look("suspect", 2e6)] * 3)
    assert (leak.status, told) == ("open", ["leak.firing"])


def test_filling_never_alarms() -> None:
    leak, told = after(None, *[look("filling", 1e6 * n) for n in range(1, 20)])
    assert (leak.status, told) == ("filling", [])
    assert after(leak, *[look("clear")] * 5)[0] is None


def test_an_open_leak_resolves_after_five_clear_looks_and_unsure_ones_dont_count(opened: Leak) -> None:
    leak, told = after(opened, *[look("clear")] * 4, look("unsure"), look("unsure"))
    assert (leak.status, told) == ("open", [])
    leak, told = after(leak, look("clear"))
    assert (leak.status, told) == ("resolved", ["leak.resolved"])
    assert after(leak, *[look("clear")] * 9)[1] == []


def test_a_suspect_look_starts_the_clear_count_anew(opened: Leak) -> None:
    leak, told = after(opened, *[look("clear")] * 4, look("suspect"), *[look("clear")] * 4)
    assert (leak.status, told) == ("open", [])


def test_a_leak_that_comes_back_opens_without_a_new_doubling(opened: Leak) -> None:
    leak, _ = after(opened, *[look("clear")] * 5)
    leak, told = after(leak, look("suspect", 6e5), look("suspect", 6e5))
    assert (leak.status, told, leak.state["regressed"]) == ("open", ["leak.firing"], True)


def test_a_leak_resolved_by_hand_stays_so_in_its_release_and_regresses_in_the_next(opened: Leak) -> None:
    leak, event = states.resolved(opened)
    assert event is not None
    assert event.kind == "leak.resolved"
    leak, told = after(leak, *[look("suspect", 9e6)] * 9)
    assert (leak.status, told) == ("resolved", [])
    leak, told = after(leak, look("suspect", release="2"), look("suspect", release="2"))
    assert (leak.status, told, leak.release) == ("open", ["leak.firing"], "2")


def test_a_leak_resolved_by_hand_without_a_release_regresses_only_after_it_was_quiet(opened: Leak) -> None:
    leak, _ = states.resolved(replace(opened, release=None))
    leak, told = after(leak, *[look("suspect", 9e6, None)] * 9)
    assert told == []
    leak, told = after(leak, look("clear", release=None), *[look("suspect", 9e6, None)] * 2)
    assert told == ["leak.firing"]


def test_a_muted_leak_tells_again_only_once_it_has_grown_by_so_much(opened: Leak) -> None:
    leak = states.muted(opened, 1e6)
    leak, told = after(leak, *[look("suspect", 2.9e6)] * 5)
    assert (leak.status, told) == ("muted", [])
    leak, told = after(leak, look("suspect", 3e6))
    assert (leak.status, told) == ("open", ["leak.firing"])


def test_a_leak_muted_for_good_says_nothing_but_that_it_is_gone(opened: Leak) -> None:
    leak, told = after(states.muted(opened, None), *[look("suspect", 1e12)] * 9, *[look("clear")] * 5)
    assert (leak.status, told) == ("resolved", ["leak.resolved"])


def test_reopening_by_hand_fires(opened: Leak) -> None:
    leak, event = states.reopened(states.muted(opened, None))
    assert leak.status == "open"
    assert event is not None
    assert event.kind == "leak.firing"
