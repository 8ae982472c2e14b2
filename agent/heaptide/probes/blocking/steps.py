"""What is seen of one step of the loop: when, what it used, and which calls its looks have in common."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from heaptide.frames import Call


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
        first: it is the first of the iteration, so it runs since that began; None where that isn't known.
    """

    step: Hashable
    held_s: float = 0.0
    first: bool | None = None


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
