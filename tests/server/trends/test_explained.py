"""What follows the load's peaks, and gives nothing back, is no leak while the load rises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from heaptide_server.trends.judge import judge
from heaptide_server.trends.verdict import Generation, Options

MIB = float(1 << 20)
INTERVALS = 480
Load = Callable[[np.ndarray], np.ndarray]


def ramp(t: np.ndarray) -> np.ndarray:
    """As the fleet's load of that name rises; what was served jitters around it."""
    return 0.4 + 1.2 * t


def keeping(one: Generation, level: np.ndarray) -> Generation:
    """That life with one more row, the first, of which nothing was ever freed; nor was of the others."""
    floors = np.vstack([level, one.floors])
    return replace(one, floors=floors, variance=np.zeros(len(floors)), live=floors[:, -1], allocated=floors[:, -1])


def with_pool(fleet: Any, interval: int) -> list[Generation]:
    """A pool has a buffer for each request at once: it knows the load that was asked for, and not what was served."""
    lives = fleet.until(interval)
    return [keeping(g, 16 * MIB * ramp(g.age_s / (fleet.interval_s * INTERVALS))) for g in lives]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_pool_is_no_suspect_while_the_load_rises_and_a_leak_beside_it_is(
    simulate: Any, seed: int, workers: int
) -> None:
    fleet = simulate(seed, ["linear"], load="ramp", workers=workers, intervals=INTERVALS)
    for interval in range(180, INTERVALS + 1, 60):
        pool, leak = judge(with_pool(fleet, interval), Options())
        assert not pool.suspect
        assert leak.suspect


@pytest.mark.parametrize("seed", range(1, 4))
def test_in_one_worker_alone_what_rises_no_more_than_the_load_is_no_suspect(simulate: Any, seed: int) -> None:
    fleet = simulate(seed, ["following_load", "linear"], load="ramp", workers=1, intervals=INTERVALS)
    for interval in range(180, INTERVALS + 1, 60):
        following, leak = judge(fleet.until(interval), Options())
        assert not following.suspect
        assert leak.suspect


@pytest.mark.parametrize("seed", range(1, 4))
def test_what_gives_nothing_back_and_rises_on_while_the_load_falls_is_suspect(simulate: Any, seed: int) -> None:
    fleet = simulate(seed, ["by_time"], load="daily", workers=2, intervals=INTERVALS)
    lives = [keeping(g, g.floors[0] + 40 * MIB) for g in fleet.until(INTERVALS * 3 // 4)]  # beside a large base
    assert all(verdict.suspect for verdict in judge(lives, Options()))


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_leak_by_the_hour_is_suspect_while_the_load_rises_as_fast_since_it_began_from_nothing(
    simulate: Any, seed: int
) -> None:
    fleet = simulate(seed, ["by_time"], load="ramp", workers=1, intervals=INTERVALS)
    for interval in range(360, INTERVALS + 1, 20):
        pool, leak = judge(with_pool(fleet, interval), Options())
        assert (pool.suspect, leak.suspect) == (False, True)
