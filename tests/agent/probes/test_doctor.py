"""`heaptide doctor` where no collector answers: what can be seen from here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from heaptide.doctor import here

HEAPTIDE = Path(sys.executable).parent / "heaptide"


def doctor(*words: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEAPTIDE_")}
    return subprocess.run([HEAPTIDE, "doctor", *words], env=clean, capture_output=True, text=True, timeout=60)


def test_without_a_collector_it_tells_what_a_worker_would_find_here() -> None:
    done = doctor()
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[:4]] == [
        "CPUs",
        "Memory",
        "Restarts",
        "Open files",
    ]
    assert "No collector is named" in done.stdout


def test_a_collector_that_doesnt_answer_is_named_with_the_reason() -> None:
    done = doctor("--collector", "http://127.0.0.1:9")
    assert (done.returncode, done.stderr) == (2, "")
    assert "The collector can't be reached" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.fixture
def own(trees, tmp_path):
    """A recorded tree as the process itself would see it."""

    def of(tree: str) -> tuple[str, str, str]:
        proc = tmp_path / tree
        proc.mkdir()
        (proc / "self").symlink_to(trees / tree / "proc" / "4711")
        return str(proc), str(trees / tree / "cgroup"), str(trees / tree / "root")

    return of


@pytest.mark.parametrize(
    ("tree", "environ", "says"),
    [
        ("v1", {}, "Memory: the limit is 512 MiB"),
        ("v1", {}, "docker starts this container again only if"),
        ("kubernetes", {"KUBERNETES_SERVICE_HOST": "x"}, "Kubernetes starts a container again"),
        ("systemd", {}, "shop.service has Restart=no"),
        ("none", {}, "neither a container nor a systemd unit"),
        ("none", {}, "Memory: no limit"),
    ],
)
def test_it_reads_the_groups_that_it_is_in(own, tree, environ, says) -> None:
    assert any(says in line for line in here(environ, *own(tree)))
