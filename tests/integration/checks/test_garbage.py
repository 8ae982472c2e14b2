"""Ways to treat the garbage collector, each with a program that only looks like it."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

FAULTS = {"off": "gc-off", "saves": "gc-keeps-garbage", "uncollectable": "gc-uncollectable"}
SOUND = ("frozen", "debugs", "cycles")


def test_a_collector_that_doesnt_collect_is_told_from_one_that_does(start, checks) -> None:
    faults = {way: kind for way, kind in FAULTS.items() if way != "uncollectable" or find_spec("_testcapi")}
    for way in (*faults, *SOUND):
        start(way, "python", "garbage.py", way)
    checks.wait_until(lambda: all(checks.found(way).keys() == {kind} for way, kind in faults.items()), *faults)
    checks.wait_until(lambda: all(checks.telling(way) for way in SOUND), *SOUND)
    assert not any(checks.found(way) for way in SOUND)
    if len(faults) < len(FAULTS):
        pytest.skip("this Python has no _testcapi, of which an uncollectable object is made: the others were tried")
