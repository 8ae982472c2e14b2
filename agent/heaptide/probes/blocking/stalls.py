"""From ticks to stalls: what held the loop up, for how long, and whose code it was. No thread and no clock in here."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from heaptide.frames import Call

# A loop that lags by 50 ms delays each of its requests by more than a person overlooks in a chain of a few calls.
LEAST_STALL_S = 0.05
MOST_SAMPLES = 100  # of one stall: enough to know what its stacks have in common


@dataclass(frozen=True)
class Reading:
    """What the kernel had counted of the loop's thread.

    Attributes:
        at: monotonic seconds.
        cpu_s: CPU seconds that it has used.
        starved_s: seconds in which it could have run, but had no CPU.
    """

    at: float
    cpu_s: float
    starved_s: float


@dataclass(frozen=True)
class Tick(Reading):
    """What the watch saw of a busy loop.

    Attributes:
        step: which one it runs; for a loop in C, which task's, and all plain callbacks are one.
        held_s: seconds for which the step kept the watch from looking, because it held the GIL; 0.0 where it didn't.
        first: it is the first of the iteration, so it runs since that began; False also where that isn't known.
    """

    step: Hashable
    held_s: float = 0.0
    first: bool = False


@dataclass
class Step:
    """One step of a task, or one callback, that the loop doesn't come past.

    Attributes:
        began: when, by the monotonic clock; of the first step that is seen, when the loop's iteration began.
        seen: its first tick.
        last: its last tick.
        before: a reading from before it began.
        samples: its stacks, innermost call first.
        route: the route it serves.
    """

    began: float
    seen: Tick
    last: Tick
    before: Reading
    samples: list[list[Call]] = field(default_factory=list)
    route: str | None = None

    @property
    def seen_once(self) -> bool:
        """Nobody knows for how long it ran."""
        return self.last is self.seen and not self.seen.held_s and not self.seen.first

    def common(self) -> list[Call]:
        """The calls that all samples have in common, innermost first, as they stood in the last sample.

        What ran all the time is to blame, not what happened to run within it when a sample was taken.
        """
        return _shared(self.samples)

    def mostly_common(self) -> list[Call]:
        """The calls that the last sample has in common with at least half of all, its own included."""
        agreeing = self.samples
        for depth in range(len(self.samples[-1])):
            code = self.samples[-1][-1 - depth].code
            closer = [sample for sample in agreeing if depth < len(sample) and sample[-1 - depth].code is code]
            if 2 * len(closer) < len(self.samples):
                break
            agreeing = closer
        return _shared(agreeing)


def _shared(samples: Sequence[Sequence[Call]]) -> list[Call]:
    levels = zip(*(sample[::-1] for sample in samples))  # noqa: B905 - of different depths
    shared = takewhile(lambda level: all(call.code is level[0].code for call in level), levels)
    return [level[-1] for level in shared][::-1]


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
    that is seen again is still in the same step: its next one is queued behind the beat. Of one that is seen once, and
    isn't the iteration's first, nobody knows how long it took; half of what came before counts for the first that is
    seen, for that look may have been late.

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
