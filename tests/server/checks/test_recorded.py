"""From recorded trees of /proc and /sys/fs/cgroup to findings: the agent's probes and the collector's checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from heaptide.probes.cpu import Cpu
from heaptide.probes.supervisor import Supervisor
from heaptide_server.checks.causes import find_all

TREES = Path(__file__).parents[2] / "agent" / "probes" / "trees"
CLOUD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}


@pytest.mark.parametrize(
    ("tree", "environ", "setup", "workers", "cpus", "expected"),
    [
        ("v1", {}, {"server": "uvicorn", "workers": 1}, 1, 16, {"restart-policy": "info"}),
        ("v2", {}, {"server": "gunicorn", "workers": 16}, 16, 16, {"too-many-workers": "warning"}),
        ("v2", {}, {"server": "gunicorn", "workers": 2}, 2, 16, {}),
        ("kubernetes", CLOUD, {"server": "uvicorn", "workers": 32}, 32, 32, {"too-many-workers": "warning"}),
        ("kubernetes", CLOUD, {"server": "uvicorn", "workers": 2}, 2, 32, {}),
        ("systemd", {}, {"server": "uvicorn", "workers": 1}, 1, 4, {"no-supervisor": "critical"}),
        ("systemd", {}, {"server": "gunicorn", "workers": 4}, 4, 4, {}),
        ("none", {}, {"server": "uvicorn", "workers": 1}, 1, 8,
         {"no-supervisor": "critical", "reload-in-production": "warning"}),
    ],
)  # fmt: skip
def test_each_place_has_its_own_findings(make_worker, kinds, tree, environ, setup, workers, cpus, expected) -> None:
    where = TREES / tree
    proc, cgroup, root = (str(where / name) for name in ("proc", "cgroup", "root"))
    supervisor = Supervisor(proc, cgroup, root, 4711, environ, list).facts() | setup
    seen = Cpu(proc, cgroup, 4711, cpu_count=lambda: cpus, affinity=lambda: cpus).facts()
    seen |= {"pools": {}, "threads": 4, "python_threads": 4}  # of this test's own process
    fleet = [make_worker({"supervisor": supervisor, "cpu": seen}, pid=pid, slot=pid) for pid in range(1, workers + 1)]
    assert kinds(find_all(fleet, [])) == expected
