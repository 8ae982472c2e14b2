"""What the agent asks of a tracer: the seam between tracing and everything behind it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

# (file name as the code object has it, function name or "" where the tracer doesn't know it, line)
RawFrame = tuple[str, str, int]


@dataclass(frozen=True)
class StackStat:
    """What one stack holds at the moment of a look.

    Every value is a level (an estimate where the tracer samples), except `allocated_bytes`, which only grows. A value
    that the tracer can't know is None, never a guess.

    Attributes:
        frames: raw frames, allocation first.
        bytes: live bytes.
        blocks: live blocks.
        survivor_bytes: live bytes older than the age asked for.
        survivor_blocks: live blocks older than the age asked for.
        allocated_bytes: bytes allocated since the tracer started, freed or not.
        variance_bytes2: variance of `bytes` that comes from sampling, in bytes squared.
    """

    frames: tuple[RawFrame, ...]
    bytes: int
    blocks: int
    survivor_bytes: int | None = None
    survivor_blocks: int | None = None
    allocated_bytes: int | None = None
    variance_bytes2: float | None = None


@dataclass(frozen=True)
class Look:
    """One look at all live memory that the tracer knows of.

    Attributes:
        stacks: by a key that stays the same for the same stack over the life of the process; at most the number asked
            for, largest first, and always those in `keep`.
        other: what the stacks beyond that number hold together, with no frames.
        sample_bytes: mean bytes between two samples at the time of the look; None where every block is traced.
        traced_bytes: live bytes in all.
        held_bytes: memory that the tracer itself holds, in bytes.
        hold_s: the longest time that the look held the GIL without a break, in seconds.
    """

    stacks: dict[Hashable, StackStat]
    other: StackStat
    sample_bytes: int | None
    traced_bytes: int
    held_bytes: int
    hold_s: float
    notes: Sequence[str] = field(default=())


class Tracer(Protocol):
    """Knows which stacks hold how much live memory. Called by the agent's thread alone, but for `start`."""

    name: str
    frames: int

    def start(self) -> None:
        """Begins to trace. Called once in each process that serves, early, and again after a fork."""

    def take(self, *, survivor_age_s: float, most: int, keep: frozenset[Hashable]) -> Look | None:
        """Looks at the live memory; None where this look was skipped to stay within the tracer's budget.

        Args:
            survivor_age_s: age in seconds past which a block counts as a survivor.
            most: how many stacks to return at the most, largest first.
            keep: keys of stacks that were reported before; they are returned whatever their size, while they hold
                anything.
        """

    def set_rate(self, sample_bytes: int | None) -> None:
        """Changes the mean bytes between two samples; 0 pauses tracing. A tracer that can't, ignores it."""

    def stop(self) -> None:
        """Ends tracing and lets go of what it held. Idempotent."""
