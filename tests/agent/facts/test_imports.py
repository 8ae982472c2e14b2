"""What an import of these rooms brings into somebody else's process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import sys
before = set(sys.modules)
import heaptide.tracer, heaptide.paths
import json
print(json.dumps(sorted(set(sys.modules) - before)))
"""
HEAVY = {"tracemalloc", "ctypes", "objgraph", "inspect", "dataclasses", "subprocess", "tempfile", "asyncio"}


@pytest.fixture(scope="module")
def loaded():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


def test_importing_the_tracers_and_the_paths_loads_nothing_heavy(loaded):
    assert not loaded & HEAVY


def test_no_tracer_is_loaded_before_it_is_chosen(loaded):
    assert {name for name in loaded if name.startswith("heaptide")} == {
        "heaptide",
        "heaptide.paths",
        "heaptide.tracer",
    }
