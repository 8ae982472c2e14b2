"""From ticks to stalls: what held the loop up, for how long, and whose code it was. No thread and no clock in here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from heaptide.frames import Call

# A loop that lags by 50 ms delays each of its requests by more than a person overlooks in a chain of a few calls.
LEAST_STALL_S = 0.05
MOST_SAMPLES = 100  # of one stall: enough to know what its stacks have in common


@dataclass(frozen=True)
class Tick:
    """What the watch saw of a busy loop.

    Attributes:
        at: monotonic seconds.
        step: which task's step it runs; 0 for a plain callback.
        cpu_s: CPU seconds that the loop's thread has used.
        starved_s: seconds in which it could have run, but had no CPU.
    """

    at: float
    step: int
    cpu_s: float
    starved_s: float


@dataclass
class Step:
    """One step of a task, or one callback, that the loop doesn't come past.

    Attributes:
        began: when, by the monotonic clock; of the first step that is seen, when the loop's iteration began.
        seen: its first tick.
        last: its last tick.
        cpu_before_s: the loop's thread's `cpu_s` before it began.
        starved_before_s: its `starved_s` before.
        samples: its stacks, innermost call first.
        route: the route it serves.
    """

    began: float
    seen: Tick
    last: Tick
    cpu_before_s: float
    starved_before_s: float
    samples: list[list[Call]] = field(default_factory=list)
    route: str | None = None

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
    that is seen again is still in the same step: its next one is queued behind the beat. Of one that is seen once among
    others nobody knows how long it took; half of what came before counts for the first, for that may have been late.

    Args:
        began: when the iteration began, by the monotonic clock.
        tick: the first look at it.
        cpu_before_s: the loop's thread's `cpu_s` before it began.
        starved_before_s: its `starved_s` before.
    """

    def __init__(self, began: float, tick: Tick, cpu_before_s: float, starved_before_s: float) -> None:
        self.began = began
        self._starved_before_s = starved_before_s
        self._blocked: list[Blocked] = []
        self._alone = True  # no other step was seen
        self._step = Step(began, tick, tick, cpu_before_s, starved_before_s)

    def see(self, tick: Tick, stack: Sequence[Call], route: str | None) -> None:
        """Notes a look at it."""
        if tick.step != self._step.seen.step:
            before = self._step.last
            if self._seen_once():
                self._step.began = (self._step.began + before.at) / 2 if self._alone else before.at
            self._alone = False
            self._close_step(before.at, before.cpu_s, before.starved_s)  # it may have ended right after that look
            self._step = Step((before.at + tick.at) / 2, tick, tick, before.cpu_s, before.starved_s)
        self._step.last = tick
        if len(self._step.samples) < MOST_SAMPLES:
            self._step.samples.append(list(stack))
        self._step.route = route or self._step.route

    def end(self, answered_at: float, cpu_s: float, starved_s: float) -> Ended:
        """Ends it.

        Args:
            answered_at: when the loop ran the beat.
            cpu_s: as in `Tick`, after it.
            starved_s: as in `Tick`, after it.
        """
        if self._alone or not self._seen_once():
            self._close_step(answered_at, cpu_s, starved_s)
        duration_s = answered_at - self.began
        return Ended(duration_s, min(duration_s, starved_s - self._starved_before_s), self._blocked)

    def _seen_once(self) -> bool:
        return self._step.last is self._step.seen

    def _close_step(self, at: float, cpu_s: float, starved_s: float) -> None:
        duration_s = at - self._step.began
        if duration_s < LEAST_STALL_S:
            return
        without_cpu_s = min(duration_s, starved_s - self._step.starved_before_s)
        used_s = min(duration_s, cpu_s - self._step.cpu_before_s)
        # Its own time: what it would have taken on an idle machine.
        own_s = max(duration_s - without_cpu_s, used_s)
        if (own_s >= LEAST_STALL_S or own_s >= duration_s / 2) and self._step.samples:
            self._blocked.append(Blocked(self._step, duration_s, used_s, duration_s - own_s))
