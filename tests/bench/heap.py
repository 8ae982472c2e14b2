"""What the tracer holds, and how long a look holds the GIL, beside a large heap."""

from __future__ import annotations

import gc
import threading
from statistics import median

from tests.bench.table import show

from heaptide.tracer.protocol import Look
from heaptide.tracer.sampling import SamplingTracer

OBJECTS, HEAP_BYTES, LOOKS = 3_000_000, 1 << 30, 7


def main() -> None:
    tracer = SamplingTracer()
    tracer.start()
    gc.disable()  # its pauses over so many objects aren't the tracer's
    small = [[number] for number in range(OBJECTS)]
    large = [bytes(64 * 1024) for _ in range(HEAP_BYTES // (64 * 1024))]
    looks: list[Look | None] = []
    # As the agent does: from a thread of its own, whose allocations aren't traced.
    agent = threading.Thread(
        target=lambda: looks.extend(tracer.take(survivor_age_s=60, most=500, keep=frozenset()) for _ in range(LOOKS))
    )
    agent.start()
    agent.join()
    taken = [look for look in looks if look is not None]
    show(
        f"A heap of {len(small):,} live objects and {len(large) * 64 >> 20} GiB of buffers, default settings",
        ["figure", "value"],
        [
            ["the tracer holds", f"{max(look.held_bytes for look in taken) / (1 << 20):.2f} MiB"],
            [f"longest GIL hold of a look, median of {LOOKS}", f"{median(look.hold_s for look in taken) * 1e3:.2f} ms"],
            ["the same, longest", f"{max(look.hold_s for look in taken) * 1e3:.2f} ms"],
            ["live bytes, estimated", f"{taken[-1].traced_bytes / (1 << 30):.2f} GiB"],
        ],
    )
    tracer.stop()
    gc.enable()


if __name__ == "__main__":
    main()
