"""How many CPUs may be used, by recorded control groups, and what libraries took them to be."""

from __future__ import annotations

import shutil
import sys
from types import SimpleNamespace

import pytest

from heaptide.probes.cpu import Cpu


def cpu(tree, **more) -> Cpu:
    return Cpu(str(tree / "proc"), str(tree / "cgroup"), 4711, **more)


@pytest.mark.parametrize(
    ("tree", "quota", "cpuset"),
    [
        ("v1", 1.5, 16),
        ("v2", 1.5, 5),
        ("kubernetes", 2.5, 32),
        ("systemd", None, 4),
        ("none", None, None),
        ("there_is_no_such_tree", None, None),
    ],
)
def test_the_tightest_quota_and_the_cpuset_are_read_from_the_groups(trees, tree, quota, cpuset) -> None:
    facts = cpu(trees / tree).facts()
    assert (facts["quota_cpus"], facts["cpuset_cpus"]) == (quota, cpuset)


def test_what_every_library_asks_is_told_beside_it(trees) -> None:
    facts = cpu(trees / "v1", cpu_count=lambda: 64, affinity=lambda: 8).facts()
    assert (facts["os_cpus"], facts["affinity_cpus"]) == (64, 8)


@pytest.mark.parametrize(
    ("tree", "file", "text"),
    [
        ("v1", "cpu,cpuacct/cpu.stat", "nr_periods 4100\nnr_throttled 1230\nthrottled_time 98500000000\n"),
        ("kubernetes", "cpu.stat", "nr_periods 1100\nnr_throttled 430\nthrottled_usec 63500000\n"),
    ],
)
def test_throttling_counts_from_the_probes_beginning(trees, tmp_path, tree, file, text) -> None:
    copy = tmp_path / tree
    shutil.copytree(trees / tree, copy)
    probe = cpu(copy)
    assert probe.facts()["throttled_s"] == 0
    (copy / "cgroup" / file).write_text(text)
    facts = probe.facts()
    assert (facts["periods"], facts["throttled_periods"], facts["throttled_s"]) == (100, 30, 2.5)


def test_without_a_quota_no_throttling_is_told(trees) -> None:
    assert "throttled_s" not in cpu(trees / "systemd").facts()


def test_a_librarys_pool_is_told_once_the_application_has_imported_it(trees, monkeypatch) -> None:
    probe = cpu(trees / "none")
    assert "torch" not in probe.facts()["pools"]
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(get_num_threads=lambda: 32))
    monkeypatch.setitem(sys.modules, "polars", SimpleNamespace(thread_pool_size=lambda: "many"))
    assert probe.facts()["pools"] == {"torch": 32}


def test_the_threads_of_a_real_process_are_counted() -> None:
    facts = Cpu().facts()
    assert facts["threads"] >= facts["python_threads"] >= 1
