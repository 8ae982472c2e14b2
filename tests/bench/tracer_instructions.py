"""The sampler's cost in instructions, under callgrind: the steady figure where clocks are noisy.

python -m tests.bench.tracer_instructions
"""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.table import show

LOOPS = ("json", "objects", "strings", "dicts", "constraints")
PROFILERS = ("base", "heaptide, 512 KiB")
TARGET = """
import os, sys
from tracer_loops import LOOPS
if product := os.environ["BENCH_PROFILER"].partition(", ")[2]:
    from heaptide import tracemalloc_ng
    tracemalloc_ng.start(32, int(product.split()[0]) * 1024)
    tracemalloc_ng._sampler.seed(1)
for _ in range(int(sys.argv[2])):
    LOOPS[sys.argv[1]]()
"""


def main() -> None:
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind isn't installed: instructions can't be counted")
    rows = []
    products = [1.0] * (len(PROFILERS) - 1)
    for loop in LOOPS:
        base, *own = (_instructions(profiler, loop) for profiler in PROFILERS)
        ratios = [count / base for count in own]
        products = [product * ratio for product, ratio in zip(products, ratios, strict=True)]
        rows.append([loop, f"{base / 1e6:.1f}", *(f"{ratio:.4f}" for ratio in ratios)])
    means = (math.exp(math.log(product) / len(LOOPS)) for product in products)
    rows.append(["geometric mean", "", *(f"{mean:.4f}" for mean in means)])
    show("Instructions of one loop over an unprofiled twin", ["loop", "million, unprofiled", *PROFILERS[1:]], rows)


def _instructions(profiler: str, loop: str) -> int:
    """Instructions of one run of the loop: two runs less one, so that start-up doesn't count."""
    return _total(profiler, loop, 2) - _total(profiler, loop, 1)


def _total(profiler: str, loop: str, runs: int) -> int:
    env = {**os.environ, "BENCH_PROFILER": profiler, "PYTHONPATH": str(Path(__file__).parent), "PYTHONHASHSEED": "1"}
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, "-c", TARGET]
    done = subprocess.run([*command, loop, str(runs)], env=env, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1])


if __name__ == "__main__":
    main()
