"""Leaves the sampler on for minutes in a process that allocates without rest, and watches the sampler itself.

    python -m tests.soak.tracer [--minutes 20] [--interval 65536]

Three threads churn, one fills a bounded cache and one leaks, while the agent's part is taken by a look every second.
At the end it exits with 0 only if the sampler's own memory was flat over the second half, the estimate of what leaked
and of what is cached lies within four standard errors of the truth, and nearly nothing is left once both are dropped.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import threading
import time
from collections import OrderedDict

from heaptide import tracemalloc_ng
from heaptide.tracemalloc_ng import _sampler
from heaptide.tracer.sampling import SamplingTracer

LEAK_BYTES, CACHE_BYTES, CACHED = 3000, 20_000, 2000

leaked: list[bytes] = []
cached: OrderedDict[int, bytes] = OrderedDict()


def churn(end: threading.Event) -> None:
    document = {"items": [{"id": n, "name": f"item {n}", "tags": ["a", "b"] * 3} for n in range(100)]}
    recent: list[object] = []
    turn = 0
    while not end.is_set():
        turn += 1
        recent.append(json.loads(json.dumps(document)))
        buffer = bytearray()
        for n in range(200):
            buffer += b"x" * (n + turn % 50)
        # Code that comes and goes: stacks must not hold it for ever.
        space: dict[str, object] = {}
        exec(
            compile(f"def made():\n    return [str(n) * {turn % 9} for n in range(50)]", f"made {turn}", "exec"), space
        )
        recent.append(space["made"]())  # type: ignore[operator]  # compiled two lines above
        del recent[:-20]


def fill_cache(end: threading.Event) -> None:
    turn = 0
    while not end.wait(0.0005):
        turn += 1
        cached[turn] = bytes(CACHE_BYTES)
        if len(cached) > CACHED:
            cached.popitem(last=False)


def leak(end: threading.Event) -> None:
    while not end.wait(0.002):
        leaked.append(bytes(LEAK_BYTES))


def estimate_of(function: str) -> tuple[float, float]:
    """Bytes and standard error of all that this function allocated and that is live, by the 'bytes' line alone."""
    size = variance = 0.0
    for estimate in tracemalloc_ng.estimates():
        frames = tracemalloc_ng.stack_frames(estimate.key)
        if frames and frames[0][1] == function:
            size += estimate.bytes
            variance += estimate.variance_bytes2
    return size, variance**0.5


def watch(tracer: SamplingTracer, minutes: float) -> list[tuple[int, int, float]]:
    """Looks once a second; returns (bytes held, live samples, longest hold in seconds) of each look."""
    seen = []
    began = time.monotonic()
    while time.monotonic() < began + minutes * 60:
        time.sleep(1)
        look = tracer.take(survivor_age_s=60, most=300, keep=frozenset())
        assert look is not None
        seen.append((look.held_bytes, _sampler.status()["samples"], look.hold_s))
        if len(seen) % 60 == 0:
            held, samples, hold_s = seen[-1]
            print(
                f"{len(seen) // 60} min: {samples} samples, {held / 1024:.0f} KiB held,"
                f" longest hold {hold_s * 1e3:.1f} ms, {look.traced_bytes / 1e6:.1f} MB live,"
                f" one sample every {look.sample_bytes} bytes",
                flush=True,
            )
    return seen


def verdict(seen: list[tuple[int, int, float]]) -> list[str]:
    """What went wrong, a sentence each."""
    wrong = []
    half, quarter = len(seen) // 2, len(seen) // 4
    early, late = (max(held for held, _, _ in part) for part in (seen[half : half + quarter], seen[half + quarter :]))
    if late > early * 1.1 + 65536:
        wrong.append(f"the sampler grew from {early} to {late} bytes over the second half")
    for function, true in (("leak", len(leaked) * (LEAK_BYTES + 33)), ("fill_cache", len(cached) * (CACHE_BYTES + 33))):
        size, error = estimate_of(function)
        print(f"{function}: {true} bytes live, {size:.0f} estimated, standard error {error:.0f}", flush=True)
        if abs(size - true) > 4 * error + 0.03 * true:  # the containers' own buffers come from the same functions
            wrong.append(f"{function} holds {true} bytes, estimated {size:.0f} with a standard error of {error:.0f}")
    return wrong


def main() -> int:
    """Returns 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--interval", type=int, default=64 * 1024)
    options = parser.parse_args()
    tracer = SamplingTracer(sample_bytes=options.interval, samples_per_s=100_000)  # the rate is to stay high
    tracer.start()
    end = threading.Event()
    work = [churn, churn, churn, fill_cache, leak]
    threads = [threading.Thread(target=function, args=(end,)) for function in work]
    for thread in threads:
        thread.start()
    seen = watch(tracer, options.minutes)
    end.set()
    for thread in threads:
        thread.join()
    wrong = verdict(seen)
    leaked.clear()
    cached.clear()
    gc.collect()
    for _ in range(3):  # code objects that only dead stacks still held go with these looks, and so do their samples
        tracemalloc_ng.estimates()
    left = sum(estimate_of(function)[0] for function in ("leak", "fill_cache", "churn"))
    if left > 20 * options.interval:
        wrong.append(f"{left:.0f} bytes are still estimated after everything was dropped")
    print(f"{_sampler.status()['drawn']} samples drawn; {left:.0f} bytes left at the end", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
