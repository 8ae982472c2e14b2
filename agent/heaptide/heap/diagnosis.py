"""Answers the collector's request to diagnose sites: what their samples are, how old, and what holds them."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol

from heaptide.excerpts import MOST_BYTES, Excerpts
from heaptide.heap import retention
from heaptide.heap.answer import Found
from heaptide.heap.breathing import breathing
from heaptide.heap.garbage import Garbage
from heaptide.heap.paths import Path, merge
from heaptide.heap.remembered import Remembered
from heaptide.heap.retention import MOST_TARGETS, Block, Refused, Retention
from heaptide.heap.samples import Sample, Source, ages, ordinals, read
from heaptide.tracer.protocol import RawFrame

SPACING_S = 3600.0  # between two diagnoses that nobody asked for by hand
MOST_SITES = 8
MOST_SAMPLES = 512  # of one site, the oldest
MOST_TYPES = 10
NO_OBJECT = "(untracked object or buffer)"

KeyOf = Callable[[int], "Hashable | None"]
FramesOf = Callable[[int], "tuple[RawFrame, ...]"]


class Finder(Protocol):
    """`heaptide.heap.retention.find`, or a fake of it."""

    def __call__(
        self, targets: Sequence[Block], *, others: Sequence[Block], stopping: Callable[[], bool]
    ) -> Retention | Refused:
        """See `heaptide.heap.retention.find`."""


def _samples() -> bytes:
    from heaptide.tracemalloc_ng import _sampler

    return _sampler.samples()


def _frames(key: int) -> tuple[RawFrame, ...]:
    from heaptide.tracemalloc_ng import stack_frames

    return stack_frames(key)


class Diagnosis:
    """Diagnoses sites on request. Used by the agent's thread alone.

    Attributes:
        garbage: what the last walk said of garbage.

    Args:
        samples: gives the sampler's live samples, packed; raises ImportError where there is no sampler.
        find: finds what holds blocks.
        clock: monotonic seconds.
        excerpts: reads source around frames; None where the user didn't allow it.
        frames: resolves the key of a stack.
    """

    def __init__(
        self,
        samples: Source = _samples,
        find: Finder = retention.find,
        clock: Callable[[], float] = time.monotonic,
        excerpts: Excerpts | None = None,
        frames: FramesOf = _frames,
    ) -> None:
        self._samples = samples
        self._find = find
        self._clock = clock
        self._excerpts = excerpts
        self._frames = frames
        self._not_before = float("-inf")
        self._remembered = Remembered(clock)
        self.garbage = Garbage(clock=clock)

    def answer(self, request: dict[str, Any], key_of: KeyOf, stopping: Callable[[], bool]) -> dict[str, Any]:
        """The answer to a request, as `heaptide.wire` tells, without its id; the same to a request that comes again.

        Args:
            request: {"id", "sites": [site numbers], "by_hand": whether a person asked, "source": whether the collector
                takes source}.
            key_of: gives the key of the stack that has a site number; None where it has none.
            stopping: whether to give up, because the agent is to stop.
        """
        answer = self._remembered.answer(request)
        if answer is None:
            answer = self._answer(request, key_of, stopping)
            self._remembered.keep(request, answer)
        return answer

    def _answer(self, request: dict[str, Any], key_of: KeyOf, stopping: Callable[[], bool]) -> dict[str, Any]:
        sites = request.get("sites")
        if not isinstance(sites, list) or not 0 < len(sites) <= MOST_SITES or not all(type(n) is int for n in sites):
            return _refusal(f"sites isn't a list of 1 to {MOST_SITES} site numbers")
        now = self._clock()
        if now < self._not_before and request.get("by_hand") is not True:
            return _refusal(
                f"the last diagnosis is less than {SPACING_S / 60:.0f} minutes ago: the next one that isn't asked for"
                f" by hand may come in {(self._not_before - now) / 60:.0f} minutes"
            )
        keys = {site: key_of(site) for site in sites}
        try:
            return self._with_source(self._diagnose(keys, now, stopping), keys, request)
        except ImportError:
            return _refusal("only the sampling tracer knows which objects a site made, and it isn't built here")

    def _with_source(
        self, answer: dict[str, Any], keys: dict[int, Hashable | None], request: dict[str, Any]
    ) -> dict[str, Any]:
        """The answer with source, where the user allows it and the collector knows the field."""
        if self._excerpts is None or request.get("source") is not True:
            return answer
        most_bytes = MOST_BYTES // len(keys)
        for site in answer["sites"]:
            key = keys[site["site"]]
            site["excerpts"] = self._excerpts.of(self._frames(key), most_bytes) if isinstance(key, int) else []
        return answer

    def _diagnose(self, keys: dict[int, Hashable | None], now: float, stopping: Callable[[], bool]) -> dict[str, Any]:
        samples = read(self._samples())
        by_site = _by_site(samples, keys)
        asked = [sample for own in by_site.values() for sample in own[:MOST_SAMPLES]]
        others, each = _others(samples, asked)
        as_of = self.garbage.now()
        held = self._find(_blocks(asked), others=_blocks(others), stopping=stopping)
        if isinstance(held, Refused):
            return {**_refusal(held.reason), "sites": [_site(n, own, None) for n, own in by_site.items()]}
        self._not_before = now + SPACING_S
        # What was freed before the walk may have left its address to another block; what lives now has lived then.
        living = ordinals(self._samples())
        found = {
            sample.address: held.found[sample.address]
            for sample in breathing([*asked, *others])
            if living.get(sample.address) == sample.ordinal and sample.address in held.found
        }
        if not held.note:  # what an incomplete walk didn't reach isn't known
            self.garbage.found(as_of, [(1.0, asked), (each, others)], found)
        return {
            "status": "done",
            "reason": held.note,
            "sites": [_site(n, own, found) for n, own in by_site.items()],
            "cost": {"fork_s": held.fork_s, "walk_s": held.walk_s, "objects": held.objects},
        }


def _by_site(samples: Sequence[Sample], keys: dict[int, Hashable | None]) -> dict[int, list[Sample]]:
    numbers = {key: site for site, key in keys.items() if isinstance(key, int)}
    by_site: dict[int, list[Sample]] = {site: [] for site in keys}
    for sample in breathing(samples):
        if sample.key in numbers:
            by_site[numbers[sample.key]].append(sample)
    return by_site


def _others(samples: Sequence[Sample], asked: Sequence[Sample]) -> tuple[list[Sample], float]:
    """All other samples, or as many as a walk takes, evenly drawn; and how many samples each of them stands for."""
    taken = {sample.ordinal for sample in asked}
    rest = [sample for sample in breathing(samples) if sample.ordinal not in taken]
    others = rest[:: math.ceil(len(rest) / (MOST_TARGETS - len(asked))) or 1]
    return others, len(rest) / len(others) if others else 1.0


def _blocks(samples: Sequence[Sample]) -> list[Block]:
    return [(sample.address, sample.size) for sample in samples]


def _refusal(reason: str) -> dict[str, Any]:
    return {"status": "refused", "reason": reason, "sites": []}


def _site(number: int, samples: Sequence[Sample], found: dict[int, Found] | None) -> dict[str, Any]:
    """One site's part of the answer; what a refused walk would have told is null."""
    site: dict[str, Any] = {"site": number, "samples": len(samples), "ages": ages(samples)}
    if found is None:
        return {**site, "types": None, "retention": None, "garbage_share": None}
    walked = [sample for sample in samples[:MOST_SAMPLES] if sample.address in found]
    mine = [found[sample.address] for sample in walked]
    garbage = sum(sample.weight_bytes for sample in walked if found[sample.address].fate == "g")
    total = sum(sample.weight_bytes for sample in walked)
    return {
        **site,
        "types": _types(walked, found),
        "retention": [_path(path) for path in merge(mine, retention.thread_names())],
        "garbage_share": round(garbage / total, 4) if total else 0.0,
    }


def _types(walked: Sequence[Sample], found: dict[int, Found]) -> list[dict[str, Any]]:
    bytes_by_type: defaultdict[str, float] = defaultdict(float)
    for sample in walked:
        bytes_by_type[found[sample.address].type or NO_OBJECT] += sample.weight_bytes
    total = sum(bytes_by_type.values())
    ranked = sorted(bytes_by_type.items(), key=lambda item: -item[1])[:MOST_TYPES]
    return [{"name": name, "share": round(weight / total, 4)} for name, weight in ranked]


def _path(path: Path) -> dict[str, Any]:
    hops = [{"name": hop.name, "type": hop.type, "length": hop.length, "bound": hop.bound} for hop in path.hops]
    return {"count": path.count, "hops": hops}
