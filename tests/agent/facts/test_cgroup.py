"""The memory limit that ends the process first."""

from __future__ import annotations

import pytest

from heaptide.vitals.cgroup import MemoryLimit

NONE = (None, None)


def limit_of(tree):
    taken = MemoryLimit(str(tree / "proc"), str(tree / "cgroup"), 4711).take()
    return taken["limit_bytes"], taken["limit_used_bytes"]


@pytest.mark.parametrize(
    ("tree", "limit_and_use"),
    [
        ("v1", (536_870_912, 300_000_000)),
        ("v2", (1_073_741_824, 620_000_000)),
        ("nested", (268_435_456, 150_000_000)),
        ("kubernetes_v1", (419_430_400, 280_000_000)),
        ("kubernetes_v2", (419_430_400, 300_000_000)),
        ("outside_namespace", (419_430_400, 310_000_000)),
        ("unlimited_v1", NONE),
        ("unlimited_v2", NONE),
        ("damaged", NONE),
        ("there_is_no_such_tree", NONE),
    ],
)
def test_the_tightest_limit_that_is_visible_is_found_with_its_groups_working_set(trees, tree, limit_and_use):
    assert limit_of(trees / tree) == limit_and_use


def test_without_the_list_of_groups_the_visible_root_is_the_group(trees, tmp_path):
    limit = MemoryLimit(str(tmp_path), str(trees / "kubernetes_v2" / "cgroup"), None)
    assert limit.take()["limit_bytes"] == 419_430_400
