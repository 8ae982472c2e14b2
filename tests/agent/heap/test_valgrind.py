"""No access outside of a block, in the service and in the child."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = """
from heaptide.heap import _walker, retention

class Quote:
    def __init__(self, number):
        self.lines = [{"values": [number]}]

QUOTES = {number: Quote(number) for number in range(200)}
assert _walker.count_types()
found = retention.find(
    [*((id(quote.lines[0]), 8) for quote in QUOTES.values()), (8, 8)], pause_budget_s=60, time_limit_s=100
)
assert found.paths[0].count == 200, found
assert not found.note, found
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind isn't installed")
def test_valgrind_finds_no_access_outside_of_a_block(tmp_path):
    # What isn't initialised goes unasked: CPython's own conversion of integers taints half of its small ones.
    command = ["valgrind", "-q", "--undef-value-errors=no", f"--log-file={tmp_path}/%p", sys.executable, "-c", SCRIPT]
    subprocess.run(command, env={**os.environ, "PYTHONMALLOC": "malloc"}, check=True, timeout=110)
    logs = [path.read_text() for path in tmp_path.iterdir()]
    assert len(logs) >= 2
    assert not [log for log in logs if "Invalid" in log]
