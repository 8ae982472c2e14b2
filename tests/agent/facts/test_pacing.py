"""Spacing out what is dear."""

from __future__ import annotations

import pytest

from heaptide.pacing import Pace


def test_what_costs_no_more_than_is_free_is_always_due(clock, cost_clock):
    pace = Pace(share=0.01, free_s=0.010, clock=clock, cost_clock=cost_clock)
    with pace.spending():
        cost_clock.now_s += 0.009
    assert pace.due()
    assert pace.spacing_s == 0


def test_what_was_dear_is_due_again_when_its_share_of_the_time_is_kept(clock, cost_clock):
    pace = Pace(share=0.01, free_s=0.010, clock=clock, cost_clock=cost_clock)
    with pace.spending():
        cost_clock.now_s += 0.5
    assert pace.spacing_s == pytest.approx(50)
    clock.now_s += 49.9
    assert not pace.due()
    clock.now_s += 0.2
    assert pace.due()


def test_a_run_that_fails_is_paid_for_too(clock, cost_clock):
    pace = Pace(share=0.01, clock=clock, cost_clock=cost_clock)

    def fail():
        with pace.spending():
            cost_clock.now_s += 1
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        fail()
    assert not pace.due()
