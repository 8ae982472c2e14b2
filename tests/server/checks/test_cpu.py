"""CPUs and memory against what may be used: what lies, and what merely has many workers."""

from __future__ import annotations

import pytest

from heaptide_server.checks import cpu

MIB = 2.0**20
LIE = {"os_cpus": 16, "affinity_cpus": 16, "cpuset_cpus": 16, "quota_cpus": 2.0}
ASGI = {"server": "gunicorn", "worker_class": "uvicorn_worker.UvicornWorker"}
SYNC = {"server": "gunicorn", "worker_class": "sync"}


def fleet(make_worker, count: int, facts, server=ASGI, **more):
    told = {"cpu": facts, "supervisor": server | {"workers": count}}
    return [make_worker(told, pid=pid, slot=pid, **more) for pid in range(1, count + 1)]


def test_workers_numbered_by_the_hosts_cpus_are_too_many_for_the_quota(kinds, make_worker) -> None:
    findings = cpu.find(fleet(make_worker, 16, LIE))
    assert kinds(findings) == {"too-many-workers": "warning"}
    assert findings[0].title == "16 workers share 2 CPUs: 16 are seen, but the quota allows 2."
    assert "Recommended: 2 (one for each CPU" in findings[0].evidence[1]
    assert "gunicorn -w 2" in findings[0].fix
    assert len(findings[0].workers) == 16


def test_throttling_makes_it_critical_and_is_told_with_its_figures(make_worker) -> None:
    held = LIE | {"periods": 1000, "throttled_periods": 400, "throttled_s": 61.0}
    (finding,) = cpu.find(fleet(make_worker, 4, held))
    assert finding.severity == "critical"
    assert "held the group back in 400 of 1,000 periods of 0.1 s (40%), for 61.0 s in all." in finding.evidence[-1]


@pytest.mark.parametrize(
    ("count", "facts", "server"),
    [
        (2, LIE, ASGI),
        (5, LIE, SYNC),  # 2 x 2 + 1
        (16, LIE | {"quota_cpus": None}, ASGI),  # the host's CPUs are all its own
        (16, {"os_cpus": 16, "affinity_cpus": 16, "cpuset_cpus": None, "quota_cpus": None}, ASGI),
        (4, LIE | {"periods": 50, "throttled_periods": 40, "throttled_s": 3.0}, ASGI),  # the start-up alone
    ],
)
def test_a_number_that_fits_is_left_alone(kinds, make_worker, count, facts, server) -> None:
    assert kinds(cpu.find(fleet(make_worker, count, facts, server))) == {}


def test_a_cpuset_lies_as_a_quota_does(make_worker) -> None:
    facts = {"os_cpus": 16, "affinity_cpus": 2, "cpuset_cpus": 2, "quota_cpus": None}
    (finding,) = cpu.find(fleet(make_worker, 16, facts))
    assert "allows 2" in finding.title


@pytest.mark.parametrize(
    ("allowed", "threaded", "workers"),
    [(0.5, True, 1), (2.0, True, 2), (2.9, True, 2), (2.0, False, 5), (0.5, False, 3)],
)
def test_the_recommended_number_follows_the_servers_own_advice(allowed, threaded, workers) -> None:
    assert cpu.recommended(allowed, threaded) == workers


def test_pools_of_libraries_sized_by_the_host_are_found(kinds, make_worker) -> None:
    facts = LIE | {"pools": {"torch": 16}, "threads": 40, "python_threads": 6}
    findings = cpu.find(fleet(make_worker, 2, facts))
    assert kinds(findings) == {"oversized-pools": "warning"}
    assert "torch 16, native threads 34" in findings[0].title
    assert "OMP_NUM_THREADS=1" in findings[0].fix


@pytest.mark.parametrize(
    "facts",
    [
        LIE | {"pools": {"torch": 2}, "threads": 9, "python_threads": 6},
        {"os_cpus": 16, "affinity_cpus": 16, "pools": {"torch": 16}, "threads": 40, "python_threads": 6},
        LIE | {"pools": "many", "threads": None},
    ],
)
def test_pools_that_fit_are_left_alone(kinds, make_worker, facts) -> None:
    assert kinds(cpu.find(fleet(make_worker, 2, facts))) == {}


def test_throttling_of_few_workers_says_that_they_need_more(kinds, make_worker) -> None:
    held = LIE | {"os_cpus": 2, "periods": 1000, "throttled_periods": 400, "throttled_s": 61.0}
    findings = cpu.find(fleet(make_worker, 2, held))
    assert kinds(findings) == {"cpu-throttled": "warning"}
    assert "40% of all periods" in findings[0].title


def test_hosts_that_are_alike_make_one_finding_with_all_their_workers(kinds, make_worker) -> None:
    hosts = [one for host in ("web-1", "web-2") for one in fleet(make_worker, 16, LIE, host=host)]
    findings = cpu.find(hosts)
    assert kinds(findings) == {"too-many-workers": "warning"}
    assert len(findings[0].workers) == 32


def memory(
    make_worker, count: int, peak: float, limit: float | None, now: float | None = None, pss: float | None = None
):
    vitals = {
        "peak_rss_bytes": peak * MIB,
        "rss_bytes": (now or peak) * MIB,
        "pss_bytes": pss and pss * MIB,
        "limit_bytes": limit and limit * MIB,
    }
    return [make_worker({}, pid=pid, vitals=vitals) for pid in range(1, count + 1)]


@pytest.mark.parametrize(("peak", "severity"), [(300.0, "critical"), (240.0, "warning")])
def test_workers_times_resident_set_above_the_limit_are_found_with_the_number_that_fits(
    kinds, make_worker, peak, severity
) -> None:
    findings = cpu.find(memory(make_worker, 4, peak, 1024.0, now=200.0))
    assert kinds(findings) == {"memory-overcommitted": severity}
    assert f"4 x {peak:.0f} MiB" in findings[0].evidence[0]
    assert f"Run {int(0.8 * 1024 / peak)} here" in findings[0].fix


@pytest.mark.parametrize(
    ("peak", "limit", "now", "pss"),
    [
        (200.0, 1024.0, None, None),
        (300.0, None, None, None),
        (300.0, 1024.0, 300.0, 180.0),  # most of it is shared with the master that forked them
    ],
)
def test_memory_that_fits_or_is_shared_is_left_alone(kinds, make_worker, peak, limit, now, pss) -> None:
    assert kinds(cpu.find(memory(make_worker, 4, peak, limit, now, pss))) == {}


def test_a_single_worker_that_is_too_large_is_told_so(make_worker) -> None:
    (finding,) = cpu.find(memory(make_worker, 1, 1000.0, 1024.0))
    assert finding.title == "The worker at its peak takes 98% of the memory limit of 1,024 MiB."
    assert finding.fix.startswith("One worker alone needs 1,000 MiB")
