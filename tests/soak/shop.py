"""Serves the demo's shop in one process for minutes at a high rate, sampled finely, and watches the sampler itself.

    python -m tests.soak.shop [--minutes 20] [--interval 16384]

At the end it exits with 0 only if the sampler's own memory was flat over the second half, what the leaking line is
estimated to hold lies within four standard errors of what it holds, and nearly nothing is left once it is dropped.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from heaptide import tracemalloc_ng
from heaptide.tracer.protocol import Look
from heaptide.tracer.sampling import SamplingTracer
from heaptide_server.demo.truth import FOLDER

BATCH = 200
LOOK_EVERY_S = 1.0
# The leak itself is let go of now and then, as if the worker had been recycled: a soak is about the sampler.
MOST_QUOTES = 60_000


async def ask(app: Any, draw: random.Random) -> None:
    """One request, straight through ASGI."""
    query = f"pieces={draw.randint(1, 5)}".encode()
    path = f"/products/{draw.randrange(4000)}/quote"
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query}
    scope |= {"headers": [], "http_version": "1.1", "scheme": "http", "server": ("shop", 80), "client": ("soak", 1)}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        assert message.get("status", 200) == 200

    await app(scope | {"asgi": {"version": "3.0"}, "root_path": "", "extensions": {}}, receive, send)


async def serve(app: Any, quotes: dict[int, str], minutes: float) -> int:
    """Asks without rest; returns how many requests were served."""
    draw, served = random.Random(1), 0
    until = time.monotonic() + minutes * 60
    while time.monotonic() < until:
        for _ in range(BATCH):
            await ask(app, draw)
        served += BATCH
        if len(quotes) > MOST_QUOTES:
            quotes.clear()
        await asyncio.sleep(0)
    return served


class Looks:
    """Looks at the tracer as the agent does: from a thread of its own, whose allocations aren't the service's."""

    def __init__(self, tracer: SamplingTracer) -> None:
        self.held_bytes: list[int] = []
        self._tracer = tracer
        self._pool = ThreadPoolExecutor(1)
        self._over = threading.Event()
        self._watching = self._pool.submit(self._watch)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            look = self._take()
            self.held_bytes.append(look.held_bytes)
            if len(self.held_bytes) % 60 == 0:
                print(
                    f"{len(self.held_bytes) // 60} min: tracer holds {look.held_bytes / 1024:.0f} KiB, longest hold "
                    f"{look.hold_s * 1e3:.1f} ms, one sample every {look.sample_bytes} bytes",
                    flush=True,
                )

    def stop(self) -> None:
        self._over.set()
        self._watching.result()

    def leaking(self) -> tuple[float, float]:
        """Bytes and standard error of what the stacks through the leaking file hold."""
        look = self._pool.submit(self._take).result()
        told = [s for s in look.stacks.values() if any(frame[0].endswith("shop/quotes.py") for frame in s.frames)]
        return sum(s.bytes for s in told), sum(s.variance_bytes2 or 0.0 for s in told) ** 0.5

    def _take(self) -> Look:
        look = self._tracer.take(survivor_age_s=60, most=1000, keep=frozenset())
        assert look is not None
        return look


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--interval", type=int, default=16 * 1024)
    options = parser.parse_args()
    tracer = SamplingTracer(sample_bytes=options.interval, samples_per_s=100_000)
    tracer.start()
    sys.path.insert(0, str(FOLDER))
    from shop import main as shop  # type: ignore[import-not-found] # a user's app, found as a user's app is
    from shop import quotes  # type: ignore[import-not-found]

    looks = Looks(tracer)
    served = asyncio.run(serve(shop.app, quotes._QUOTES, options.minutes))
    looks.stop()
    print(f"{served} requests served")
    wrong, held = [], looks.held_bytes
    half, quarter = len(held) // 2, len(held) // 4
    early, late = max(held[half : half + quarter]), max(held[half + quarter :])
    if late > early * 1.1 + 65536:
        wrong.append(f"the tracer grew from {early} to {late} bytes over the second half")
    true = sys.getsizeof(quotes._QUOTES) + sum(sys.getsizeof(text) for text in quotes._QUOTES.values())
    size, error = looks.leaking()
    print(f"the leaking line holds {true} bytes; {size:.0f} estimated, standard error {error:.0f}")
    if abs(size - true) > 4 * error + 0.02 * true:
        wrong.append("the estimate has drifted from the truth")
    quotes._QUOTES.clear()
    gc.collect()
    left = looks.leaking()[0]
    print(f"{left:.0f} bytes are estimated once it has let go")
    if left > 20 * options.interval:
        wrong.append("what was freed is still counted")
    for sentence in wrong:
        print(f"WRONG: {sentence}")
    print(f"{tracemalloc_ng.get_tracemalloc_memory()} bytes held by the tracer at the end")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
