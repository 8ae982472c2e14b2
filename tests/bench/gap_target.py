"""An event loop beside many live objects: prints the longest time for which it could not run."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time

import heaptide


async def longest_gap_s(seconds: float) -> float:
    end = time.perf_counter() + seconds
    longest, last = 0.0, time.perf_counter()
    while last < end:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest


def main() -> None:
    heaptide.start()
    objects = [{"number": number, "values": [number]} for number in range(int(sys.argv[1]) // 2)]
    # The collector's own pauses over so many objects would hide ours.
    gc.freeze()
    print(json.dumps({"objects": len(objects) * 2, "longest_gap_s": asyncio.run(longest_gap_s(float(sys.argv[2])))}))


main()
