"""What a stall was is told from ticks: one long step, many short ones, or no CPU."""

from __future__ import annotations

from typing import Any

import pytest

from heaptide.frames import Call
from heaptide.probes.blocking.stalls import Ended, Stall
from heaptide.probes.blocking.steps import Reading, Tick


def outer() -> None: ...


def inner() -> None: ...


def other() -> None: ...


OUTER, INNER, OTHER = (Call(function.__code__, 1, 0) for function in (outer, inner, other))


def tick(at: float, *, step: int = 7, cpu_s: float = 0.0, starved_s: float = 0.0, **more: Any) -> Tick:
    return Tick(at, cpu_s, starved_s, step, **more)


def stall(
    ticks: list[tuple[Tick, list[Call]]], answered_at: float, cpu_s: float = 0.0, starved_s: float = 0.0
) -> Ended:
    found = Stall(0.0, Reading(0.0, 0.0, 0.0))
    for one, stack in ticks:
        found.see(one, stack, None)
    return found.end(answered_at, Reading(answered_at, cpu_s, starved_s))


def test_a_step_that_is_seen_and_then_answered_blocked_from_its_iterations_beginning_to_the_answer() -> None:
    ended = stall([(tick(0.03), [INNER, OUTER])], answered_at=0.055)
    assert ended.duration_s == ended.blocked[0].duration_s == 0.055
    assert ended.blocked[0].step.common() == [INNER, OUTER]


def test_a_step_that_is_seen_once_and_came_after_others_blocks_nobody_for_all_that_was_before() -> None:
    assert stall([(tick(0.04, first=False), [INNER, OUTER])], answered_at=0.06).blocked == []
    ended = stall([(tick(0.04, first=False), [INNER, OUTER])], answered_at=0.08)
    assert ended.blocked[0].duration_s == pytest.approx(0.06)


def test_a_look_from_before_there_was_reason_to_take_a_stack_tells_steps_apart() -> None:
    ticks = [(tick(0.005, step=1), []), (tick(0.036, step=2), [INNER])]
    assert stall(ticks, answered_at=0.06).blocked == []
    ticks = [(tick(0.005, step=2), []), (tick(0.036, step=2), [INNER])]
    assert stall(ticks, answered_at=0.06).blocked[0].duration_s == 0.06


def test_the_first_step_of_an_iteration_is_to_blame_for_all_of_it_up_to_the_look() -> None:
    ticks = [(tick(0.06, step=1, first=True), [INNER]), (tick(0.08, step=2), [OTHER])]
    (blocked,) = stall(ticks, answered_at=0.09).blocked
    assert (blocked.step.common(), blocked.duration_s) == ([INNER], 0.06)


def test_a_step_that_held_the_gil_for_long_is_to_blame_though_it_is_seen_once_among_others() -> None:
    ticks = [(tick(0.01, step=1), []), (tick(0.2, step=2, held_s=0.15), [INNER])]
    (blocked,) = stall(ticks, answered_at=0.21).blocked
    assert blocked.step.common() == [INNER]
    assert blocked.duration_s == pytest.approx(0.18)


def test_many_short_steps_block_nobody() -> None:
    ticks = [(tick(0.03 + 0.04 * index, step=index), [OUTER]) for index in range(5)]
    ended = stall(ticks, answered_at=0.2)
    assert ended.duration_s == 0.2
    assert ended.blocked == []


def test_steps_that_are_seen_once_each_block_nobody_however_long_the_looks_are_apart() -> None:
    ticks = [(tick(0.06, step=1), [OUTER]), (tick(0.13, step=2), [OUTER]), (tick(0.25, step=3), [OUTER])]
    assert stall(ticks, answered_at=0.4).blocked == []


def test_a_step_that_kept_the_first_look_waiting_is_to_blame_though_another_follows() -> None:
    ended = stall([(tick(0.3, step=1), [INNER, OUTER]), (tick(0.34, step=2), [OTHER])], answered_at=0.36)
    assert [blocked.step.common()[0] for blocked in ended.blocked] == [INNER]


def test_a_long_step_among_short_ones_is_the_one_to_blame() -> None:
    ticks = [(tick(0.03, step=1), [OTHER])]
    ticks += [(tick(0.05 + 0.04 * index, step=2), [INNER, OUTER]) for index in range(4)]
    ended = stall(ticks, answered_at=0.2)
    assert [blocked.step.common()[0] for blocked in ended.blocked] == [INNER]
    assert ended.blocked[0].duration_s == pytest.approx(0.16)


def test_the_function_that_all_stacks_share_is_to_blame_not_what_it_happened_to_call() -> None:
    ticks = [(tick(0.03), [INNER, OUTER]), (tick(0.07), [OTHER, OUTER]), (tick(0.11), [OUTER])]
    assert stall(ticks, answered_at=0.13).blocked[0].step.common() == [OUTER]


def test_a_first_stack_from_before_the_call_leaves_the_majority() -> None:
    ticks = [(tick(0.03), [OTHER]), (tick(0.07), [INNER, OUTER]), (tick(0.11), [INNER, OUTER])]
    step = stall(ticks, answered_at=0.13).blocked[0].step
    assert step.common() == []
    assert step.mostly_common() == [INNER, OUTER]


def test_time_without_a_cpu_is_nobodys_fault() -> None:
    ended = stall([(tick(0.07, starved_s=0.05), [INNER])], answered_at=0.08, cpu_s=0.02, starved_s=0.06)
    assert ended.blocked == []
    assert ended.starved_s == pytest.approx(0.06)


def test_a_step_that_got_no_cpu_is_not_to_blame_though_the_kernel_counts_that_only_once_it_got_one() -> None:
    ticks = [(tick(0.03, step=1), [OTHER]), (tick(0.05, step=2), [INNER]), (tick(0.1, step=2), [INNER])]
    ticks.append((tick(0.14, step=3, starved_s=0.05), [OTHER]))
    assert stall(ticks, answered_at=0.16, starved_s=0.05).blocked == []


def test_what_others_computed_after_a_step_that_waited_for_a_cpu_doesnt_count_for_it() -> None:
    found = Stall(0.0, Reading(0.0, 0.0, 0.0))
    for at, step in ((0.03, 1), (0.05, 2), (0.09, 2)):
        found.see(tick(at, step=step), [INNER], None)
    assert found.end(0.1, Reading(0.14, 0.06, 0.05)).blocked == []


def test_a_step_that_computes_for_long_is_to_blame_even_if_it_waited_for_a_cpu_as_well() -> None:
    ticks = [(tick(0.1, cpu_s=0.05, starved_s=0.05), [INNER]), (tick(0.2, cpu_s=0.1, starved_s=0.1), [INNER])]
    ended = stall(ticks, answered_at=0.22, cpu_s=0.11, starved_s=0.11)
    assert ended.blocked[0].cpu_s == pytest.approx(0.11)
    assert ended.blocked[0].starved_s == pytest.approx(0.11)
