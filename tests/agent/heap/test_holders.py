"""For each way of holding an object, the walk names what truly holds it."""

from __future__ import annotations

from pathlib import Path

import pytest

HOLDERS = Path(__file__).parents[2] / "targets" / "holders"
NAMES = sorted(path.stem for path in HOLDERS.glob("*.py") if path.stem not in ("held", "run"))
NOBODY = [name for name in NAMES if name.startswith(("garbage", "own"))]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOBODY])
def test_the_path_names_the_true_holder(target, name):
    found = target(name)
    assert set(found["fates"]) == {"h"}
    count, path = found["paths"][0]
    assert count >= len(found["fates"]) - 1  # a loop's variable may hold one of them
    for expected in found["expected"]:
        assert expected in path
    assert path.endswith(": Held")
    assert not found["note"]


@pytest.mark.parametrize("name", NOBODY)
def test_what_the_service_does_not_hold_is_never_reported_as_held(target, name):
    found = target(name)
    assert set(found["fates"]) == {found["fate"]}
    assert set(found["types"]) == {found["type"]}
    assert not found["paths"]


@pytest.mark.parametrize("name", ["extension", "garbage", "garbage_untracked", "instance_attribute", "running_loop"])
def test_the_debug_allocator_changes_nothing(target, name):
    found = target(name, PYTHONMALLOC="debug")
    assert set(found["fates"]) == {found["fate"]}
    assert all(expected in path for _, path in found["paths"] for expected in found["expected"])
