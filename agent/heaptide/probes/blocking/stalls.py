"""From ticks to stalls: what held the loop up, for how long, and whose code it was. No thread and no clock in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heaptide.frames import Call
from heaptide.probes.blocking.steps import Reading, Step, Tick

# A loop that lags by 50 ms delays each of its requests by more than a person overlooks in a chain of a few calls.
LEAST_STALL_S = 0.05
MOST_SAMPLES = 100  # of one stall: enough to know what its stacks have in common


@dataclass(frozen=True)
class Blocked:
    """A step that held the loop up for `duration_s`: it computed for `cpu_s`, and had no CPU for `starved_s`."""

    step: Step
    duration_s: float
    cpu_s: float
    starved_s: float


@dataclass(frozen=True)
class Ended:
    """A stall that is over: `blocked` are the steps that took long by themselves."""

    duration_s: float
    starved_s: float
    blocked: list[Blocked]


class Stall:
    """The loop has been in one iteration for long, and has been handed a beat that it hasn't come to run.

    One step that takes long blocks the loop; many that are short crowd it. As long as the beat is unanswered, a task
    that is seen again is still in the same step: its next one is queued behind the beat. Of one that is seen once among
    others, or after others ran in the iteration, nobody knows how long it took; half of what came before counts for the
    first that is seen, for that look may have been late.

    Args:
        began: when the iteration began, by the monotonic clock.
        before: a reading from before that.
    """

    def __init__(self, began: float, before: Reading) -> None:
        self.began = began
        self._before = before
        self._blocked: list[Blocked] = []
        self._alone = True  # no other step was seen
        self._step: Step | None = None

    def see(self, tick: Tick, stack: Sequence[Call], route: str | None) -> None:
        """Notes a look at it; `stack` is empty for one from before there was reason to take it."""
        if self._step is None:
            self._step = Step(self.began, tick, tick, self._before)
        elif tick.step != self._step.seen.step:
            self._step = self._next(self._step, tick)
        self._step.last = tick
        if stack and len(self._step.samples) < MOST_SAMPLES:
            self._step.samples.append(list(stack))
        self._step.route = route or self._step.route

    def _next(self, step: Step, tick: Tick) -> Step:
        last = step.last
        self._doubt(step)
        self._alone = False
        # It may have ended right after that look. A thread that waits for a CPU is said to have waited when it gets it.
        self._close(step, last.at, Reading(last.at, last.cpu_s, tick.starved_s))
        return Step((last.at + tick.at - tick.held_s) / 2, tick, tick, last)

    def end(self, answered_at: float, after: Reading) -> Ended:
        """Ends it.

        Args:
            answered_at: when the loop ran the beat.
            after: a reading from after that.
        """
        step = self._step
        if step is not None and (self._alone or not step.seen_once):
            if step.seen.first is False:
                self._doubt(step)
            self._close(step, answered_at, after)
        duration_s = answered_at - self.began
        return Ended(duration_s, min(duration_s, after.starved_s - self._before.starved_s), self._blocked)

    def _doubt(self, step: Step) -> None:
        """Takes back what one that was seen once isn't known to have taken."""
        if step.seen_once:
            step.began = (step.began + step.last.at) / 2 if self._alone else step.last.at

    def _close(self, step: Step, at: float, after: Reading) -> None:
        duration_s = at - step.began
        if duration_s < LEAST_STALL_S:
            return
        without_cpu_s = min(duration_s, after.starved_s - step.before.starved_s)
        used_s = after.cpu_s - step.before.cpu_s
        # The readings are of a longer time. In a crowd others computed in the rest of it.
        rest_s = 0.0 if self._alone else max(0.0, after.at - step.before.at - duration_s)
        # Its own time: what it would have taken on an idle machine.
        own_s = max(duration_s - without_cpu_s, min(duration_s, used_s - rest_s))
        if (own_s >= LEAST_STALL_S or own_s >= duration_s / 2) and step.samples:
            self._blocked.append(Blocked(step, duration_s, min(duration_s, used_s), duration_s - own_s))
