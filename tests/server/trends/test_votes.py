from __future__ import annotations

import numpy as np
import pytest

from heaptide_server.trends import votes


def climbing(at: list[int], buckets: int = 24) -> np.ndarray:
    """A curve that rises by one at each of these increments."""
    steps = np.zeros(buckets - 1)
    steps[at] = 1.0
    return np.concatenate([[0.0], np.cumsum(steps)])


@pytest.mark.parametrize(("at", "count"), [(list(range(23)), 23), ([2, 9, 17], 3), ([5], 1), ([], 0)])
def test_equal_steps_are_counted(at: list[int], count: int) -> None:
    assert votes.steps(climbing(at)[None])[0] == pytest.approx(count)


def test_a_large_step_beside_small_ones_counts_as_little_more_than_one() -> None:
    curve = 20 * climbing([10]) + climbing([2, 6, 18])
    assert 1 < votes.steps(curve[None])[0] < 1.5


def test_falls_are_no_steps_and_neither_scale_nor_shift_matters() -> None:
    curve = climbing([2, 9, 17]) - 0.5 * climbing([5, 12])
    assert votes.steps(np.array([curve, 1e6 * curve + 7]))[0] == pytest.approx(3)
    assert np.ptp(votes.steps(np.array([curve, 1e6 * curve + 7]))) < 1e-9


def test_workers_that_rise_at_the_same_moments_are_in_step_and_others_are_not() -> None:
    same = np.array([climbing([2, 9, 17])] * 4)
    apart = np.array([climbing([1, 11]), climbing([4, 15]), climbing([7, 18]), climbing([9, 21])])
    together = votes.in_step(np.stack([same, apart], axis=1))
    assert together[0] == pytest.approx(1)
    assert together[1] < 0


def test_one_that_rises_alone_is_in_step_with_nobody() -> None:
    joined = np.array([climbing([2, 9, 17]), np.zeros(24), np.zeros(24)])[:, None]
    assert votes.in_step(joined).tolist() == [0.0]
    assert votes.in_step(joined[1:]).tolist() == [0.0]
