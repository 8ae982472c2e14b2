"""Which worker follows which: recycled workers take over the slot of the one that they replace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Life:
    """One worker of a group: one service, environment and host.

    Attributes:
        id: the worker.
        key: drawn anew in each process; two workers of one key are one process that began its reports anew.
        started_at, last_seen: by one clock, in seconds.
        alive: it has not ended and isn't missing.
    """

    id: int
    key: str
    started_at: float
    last_seen: float
    alive: bool


@dataclass(frozen=True)
class Slot:
    """The latest worker of a slot whose earlier workers are settled."""

    number: int
    generation: int
    key: str
    last_seen: float
    alive: bool


def assign(lives: Iterable[Life], settled: Sequence[Slot] = ()) -> dict[int, tuple[int, int]]:
    """Gives each worker of one group its slot and generation, both counted from 1.

    In the order of their starts, a worker takes the slot whose last worker was last seen before it started and isn't
    alive, the latest such; where there is none, it opens a slot. So live workers never share one.
    """
    slots = {slot.number: slot for slot in settled}
    assigned = {}
    for life in sorted(lives, key=lambda life: (life.started_at, life.id)):
        before = _predecessor(life, slots.values())
        number = before.number if before else max(slots, default=0) + 1
        generation = before.generation + 1 if before else 1
        slots[number] = Slot(number, generation, life.key, life.last_seen, life.alive)
        assigned[life.id] = (number, generation)
    return assigned


def _predecessor(life: Life, slots: Iterable[Slot]) -> Slot | None:
    same = [slot for slot in slots if slot.key == life.key]
    free = [slot for slot in slots if not slot.alive and slot.last_seen <= life.started_at]
    return max(same or free, key=lambda slot: slot.last_seen, default=None)
