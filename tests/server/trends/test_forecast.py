from __future__ import annotations

from dataclasses import replace

import pytest

from heaptide_server.trends.forecast import Memory, advise, exhaustion
from heaptide_server.trends.verdict import Verdict

MIB = float(1 << 20)
MEMORY = Memory(
    limit_bytes=1024 * MIB, used_bytes=424 * MIB, workers=4, share=1.0, settled_bytes=100 * MIB, requests_per_s=10.0
)
LEAK = Verdict(
    row=0,
    suspect=True,
    clear=False,
    filling=False,
    z=9.0,
    bytes_per_hour=10 * MIB,
    low=9 * MIB,
    high=11 * MIB,
    bytes_per_request=1000.0,
    grown_bytes=50 * MIB,
    ceiling_bytes=None,
    clock="requests",
    workers_rising=4,
    workers=4,
    generations_rising=4,
    generations=4,
    evidence="",
    bytes_per_request_low=900.0,
    bytes_per_request_high=1100.0,
    age_h=5.0,
)


def test_the_limit_is_reached_when_the_headroom_is_used_up() -> None:
    forecast = exhaustion(LEAK, MEMORY, now=0.0)
    assert forecast is not None
    assert forecast.exhausted_at == pytest.approx(60 * 3600)
    assert forecast.low < forecast.exhausted_at < (forecast.high or 0)


def test_a_rise_that_slows_down_reaches_it_later() -> None:
    steady, slowing = exhaustion(LEAK, MEMORY, 0.0), exhaustion(replace(LEAK, ratio=0.6), MEMORY, 0.0)
    assert steady is not None
    assert slowing is not None
    assert slowing.exhausted_at > 1.5 * steady.exhausted_at


def test_growth_that_may_as_well_be_none_is_not_forecast() -> None:
    assert exhaustion(replace(LEAK, low=-8 * MIB, high=28 * MIB), MEMORY, 0.0) is None


def test_a_barely_sure_leak_may_never_reach_it() -> None:
    roomy = replace(MEMORY, limit_bytes=4096 * MIB)
    forecast = exhaustion(replace(LEAK, low=0.9 * MIB, high=19.1 * MIB), roomy, 0.0)
    assert forecast is not None
    assert forecast.high is None


def test_max_requests_keeps_a_worker_within_four_fifths_of_its_share() -> None:
    advice = advise(LEAK, MEMORY)
    assert advice is not None
    assert advice.max_requests == 99_000  # (0.8 * 256 - 100) MiB / 1,100 bytes, rounded down to two digits
    assert advice.jitter is not None


def test_recycling_that_would_thrash_is_refused() -> None:
    advice = advise(replace(LEAK, bytes_per_request_high=50_000.0), MEMORY)
    assert advice is not None
    assert advice.max_requests is None
    assert "more memory" in advice.text


def test_what_does_not_grow_with_requests_gets_no_max_requests() -> None:
    assert advise(replace(LEAK, bytes_per_request=None), MEMORY) is None


def test_growth_that_speeds_up_reaches_it_sooner_and_may_as_well_go_on_straight() -> None:
    straight, faster = exhaustion(LEAK, MEMORY, 0.0), exhaustion(replace(LEAK, ratio=2.0), MEMORY, 0.0)
    assert straight is not None
    assert faster is not None
    assert faster.exhausted_at < straight.exhausted_at / 1.5
    assert faster.low < faster.exhausted_at < straight.exhausted_at < (faster.high or 0)


def test_it_goes_on_at_the_late_request_rate_and_a_load_that_varies_widens_the_interval() -> None:
    steady, busy = exhaustion(LEAK, MEMORY, 0.0), exhaustion(replace(LEAK, rate_now=2.0), MEMORY, 0.0)
    varied = exhaustion(replace(LEAK, rate_spread=0.4), MEMORY, 0.0)
    assert steady is not None
    assert busy is not None
    assert varied is not None
    assert busy.exhausted_at == pytest.approx(steady.exhausted_at / 2)
    assert varied.low < steady.low < (steady.high or 0) < (varied.high or 0)


def test_growth_in_jumps_widens_the_interval_on_both_sides_and_less_the_farther_off_it_ends() -> None:
    smooth, jumping = (
        exhaustion(LEAK, MEMORY, 0.0),
        exhaustion(replace(LEAK, jump_bytes_per_hour=20 * MIB), MEMORY, 0.0),
    )
    assert smooth is not None
    assert jumping is not None
    assert jumping.low < smooth.low
    assert (jumping.high or 0) > (smooth.high or 0)
    far = replace(MEMORY, limit_bytes=MEMORY.limit_bytes * 16)
    off, near = exhaustion(replace(LEAK, jump_bytes_per_hour=20 * MIB), far, 0.0), exhaustion(LEAK, far, 0.0)
    assert off is not None
    assert near is not None
    assert off.low / near.low > jumping.low / smooth.low
