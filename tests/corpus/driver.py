"""Runs one program of the corpus in a process of its own, as a service would: the agent, then steps at a steady pace.

    python driver.py FOLDER/app.py STEPS_PER_S

It knows nothing of the tests: it runs in an environment with the program's pins and the agent alone, and ends with
SIGTERM, or when its parent goes. A step is one request, but for one that returns how many it was. What the agent needs
to know is in HEAPTIDE_*.
"""

from __future__ import annotations

import importlib
import signal
import sys
import time
from pathlib import Path
from types import FrameType


def main() -> None:
    app, steps_per_s = Path(sys.argv[1]).resolve(), float(sys.argv[2])
    signal.signal(signal.SIGTERM, _end)
    sys.path[0] = str(app.parent)  # in place of this file's own folder, as if the app had been started itself

    import heaptide

    heaptide.start()
    step = importlib.import_module(app.stem).step
    pace_s = 1 / steps_per_s
    due = time.monotonic()
    while True:
        served = step()
        heaptide.count_request(served if isinstance(served, int) else 1)
        # A step that comes late isn't made up for by a burst: the load stays steady.
        due = max(due + pace_s, time.monotonic() - pace_s)
        time.sleep(max(0.0, due - time.monotonic()))


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
