"""The longest gap in an event loop that one of the agent's intervals causes, by number of live objects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.bench.collectors import Collector, collector
from tests.bench.table import show, spread

PAIRS, SECONDS = 5, 4.0
OBJECTS = (100_000, 500_000)
TRACERS = ("off", "sampling", "exact")
TARGET = Path(__file__).with_name("gap_target.py")


def main() -> None:
    rows = []
    with collector() as there:
        for objects in OBJECTS:
            gaps: dict[str, list[float]] = {name: [] for name in ("base", *TRACERS)}
            for _ in range(PAIRS):
                for name in gaps:
                    gaps[name].append(_gap_ms(there, name, objects))
            rows += [[f"{objects:,}", name, spread(values, "{:.1f} ms")] for name, values in gaps.items()]
    show(
        f"Longest event-loop gap in {SECONDS:.0f} s with an interval of 1 s, {PAIRS} alternating runs",
        ["live objects", "variant", "longest gap"],
        rows,
    )


def _gap_ms(there: Collector, name: str, objects: int) -> float:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HEAPTIDE_")}
    if name != "base":
        environment |= {"HEAPTIDE_COLLECTOR": there.url, "HEAPTIDE_INTERVAL": "1", "HEAPTIDE_TRACER": name}
    command = [sys.executable, str(TARGET), str(objects), str(SECONDS)]
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
    return float(json.loads(output)["longest_gap_s"]) * 1e3
