"""The CPU count lie: what a quota or a cpuset allows, against what was sized by the CPUs that the host has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from heaptide_server.checks import memory
from heaptide_server.checks.finding import Finding, Severity, WorkerFacts
from heaptide_server.checks.guards import UNKNOWN, server_of
from heaptide_server.checks.reading import by_host, living, names, number, text, told

# Of the periods in which a group wanted CPU: the kubernetes-mixin's alert CPUThrottlingHigh has the same.
THROTTLED_SHARE = 0.25
LEAST_PERIODS = 100  # ten seconds of work: fewer may be the start-up alone
LIE = 2.0  # times what is allowed: less is no lie, but rounding
FEW_THREADS = 4  # native threads per allowed CPU that any extension may have


@dataclass(frozen=True)
class _Cpus:
    """What a host, or a container, may use and what it seems to have."""

    allowed: float
    seen: float
    why: str
    periods: float
    throttled: float
    throttled_s: float

    @property
    def throttled_share(self) -> float:
        """Part of the periods in which the group was held back, 0 to 1."""
        return self.throttled / self.periods if self.periods >= LEAST_PERIODS else 0.0


def find(workers: Sequence[WorkerFacts]) -> list[Finding]:
    """Too many workers or threads for the CPUs, throttling, and the same question about memory."""
    found: list[Finding] = []
    for alive in by_host(living(workers)).values():
        cpus = _cpus(alive)
        if cpus:
            of_host = [one for one in (_workers(alive, cpus), _threads(alive, cpus)) if one]
            throttled = cpus.throttled_share >= THROTTLED_SHARE
            found += of_host or ([_throttled(alive, cpus)] if throttled else [])
    return _once(found) + memory.find(workers)


def _cpus(alive: list[WorkerFacts]) -> _Cpus | None:
    facts = [told(one, "cpu") for one in alive]
    seen = max((count for one in facts if (count := number(one, "os_cpus"))), default=None)
    limits = [
        (count, why)
        for one in facts
        for name, why in (("quota_cpus", "quota"), ("cpuset_cpus", "cpuset"), ("affinity_cpus", "affinity"))
        if (count := number(one, name))
    ]
    if seen is None or not limits:
        return None
    allowed, why = min(limits)
    # Workers of one group see the same counters: the one that has looked longest tells most.
    longest = max(facts, key=lambda one: number(one, "periods") or 0.0)
    counts = [number(longest, name) or 0.0 for name in ("periods", "throttled_periods", "throttled_s")]
    return _Cpus(allowed, seen, why, *counts)


def recommended(allowed_cpus: float, threaded: bool) -> int:
    """Workers for so many CPUs: one a CPU where each runs an event loop (uvicorn's and FastAPI's advice), 2 n + 1 where
    each serves one request at a time (gunicorn's)."""
    cpus = max(1, math.floor(allowed_cpus + 0.01))
    return cpus if threaded else 2 * cpus + 1


def _workers(alive: list[WorkerFacts], cpus: _Cpus) -> Finding | None:
    loops = not _one_at_a_time(alive[0])
    advised = recommended(cpus.allowed, loops)
    throttled = cpus.throttled_share >= THROTTLED_SHARE
    if len(alive) <= advised * (1 if throttled else LIE) or not (throttled or cpus.seen >= LIE * cpus.allowed):
        return None
    rule = "one for each CPU, since each runs an event loop" if loops else "2 x CPUs + 1, since each serves one request"
    severity: Severity = "critical" if throttled else "warning"
    return Finding(
        kind="too-many-workers",
        severity=severity,
        title=f"{len(alive)} workers share {cpus.allowed:g} {_cpu_word(cpus.allowed)}: {cpus.seen:g} are seen, but the "
        f"{cpus.why} allows {cpus.allowed:g}.",
        evidence=(
            f"os.cpu_count() says {cpus.seen:g}; the {cpus.why} allows {cpus.allowed:g}.",
            f"Recommended: {advised} ({rule}: {_arithmetic(cpus.allowed, loops, advised)}).",
            *_throttling(cpus),
        ),
        fix="Set the number instead of computing it from the CPUs of the host:\n\n    "
        f"{_set_workers(alive[0], advised)}"
        f'\n\nOr raise the quota; in Kubernetes:\n\n    resources:\n      limits:\n        cpu: "{len(alive)}"',
        workers=names(alive),
    )


def _threads(alive: list[WorkerFacts], cpus: _Cpus) -> Finding | None:
    """Pools of libraries that were sized by the CPUs of the host."""
    if cpus.seen < LIE * cpus.allowed:
        return None
    found = [(one, pools) for one in alive if (pools := _oversized(one, cpus))]
    if not found:
        return None
    pools = found[0][1]
    shown = ", ".join(f"{name} {count:g}" for name, count in pools.items())
    wanted = max(1, math.floor(cpus.allowed / len(alive) + 0.01))
    return Finding(
        kind="oversized-pools",
        severity="critical" if cpus.throttled_share >= THROTTLED_SHARE else "warning",
        title=f"Thread pools are sized for {cpus.seen:g} CPUs, but the {cpus.why} allows {cpus.allowed:g}: {shown}.",
        evidence=(
            f"os.cpu_count() says {cpus.seen:g}; the {cpus.why} allows {cpus.allowed:g} for {len(alive)} workers.",
            f"Threads in each worker: {shown}.",
            *_throttling(cpus),
        ),
        fix="Tell the libraries, before they are imported:\n\n"
        f"    OMP_NUM_THREADS={wanted} OPENBLAS_NUM_THREADS={wanted} MKL_NUM_THREADS={wanted}\n\n"
        f"({cpus.allowed:g} CPUs / {len(alive)} workers, at least 1.) From Python 3.13 on, "
        f"PYTHON_CPU_COUNT={wanted} sets os.cpu_count() itself.",
        workers=names(one for one, _ in found),
    )


def _oversized(one: WorkerFacts, cpus: _Cpus) -> dict[str, float]:
    facts = told(one, "cpu")
    pools = facts.get("pools")
    told_pools = pools if isinstance(pools, dict) else {}
    found = {name: size for name in told_pools if (size := number(told_pools, name)) and size >= LIE * cpus.allowed}
    threads, python = number(facts, "threads"), number(facts, "python_threads")
    # A pool in C, such as OpenBLAS's, has as many threads as there are CPUs, the caller's own being one of them.
    native = (threads or 0.0) - (python or 0.0)
    if native >= cpus.seen - 1 and native > FEW_THREADS * cpus.allowed:
        found["native threads"] = native
    return found


def _throttled(alive: list[WorkerFacts], cpus: _Cpus) -> Finding:
    return Finding(
        kind="cpu-throttled",
        severity="warning",
        title=f"The CPU quota of {cpus.allowed:g} holds the workers back in {cpus.throttled_share:.0%} of all periods.",
        evidence=(*_throttling(cpus), f"{len(alive)} workers, which isn't too many for {cpus.allowed:g} CPUs."),
        fix="They need more CPU than they may have. Raise the limit, or set none and a request "
        "instead; in Kubernetes:\n\n"
        f'    resources:\n      requests:\n        cpu: "{cpus.allowed:g}"\n      limits:\n'
        f'        cpu: "{math.ceil(cpus.allowed * 1.5):g}"',
        workers=names(alive),
    )


def _throttling(cpus: _Cpus) -> tuple[str, ...]:
    if not cpus.throttled:
        return ()
    return (
        f"The kernel held the group back in {cpus.throttled:,.0f} of {cpus.periods:,.0f} periods of 0.1 s "
        f"({cpus.throttled / max(cpus.periods, 1):.0%}), for {cpus.throttled_s:,.1f} s in all.",
    )


def _one_at_a_time(one: WorkerFacts) -> bool:
    kind = text(told(one, "supervisor"), "worker_class") or (one.worker.identity.server or "").partition(":")[2]
    return server_of(one) == "gunicorn" and kind in ("sync", "gthread")


def _arithmetic(allowed: float, loops: bool, advised: int) -> str:
    cpus = max(1, math.floor(allowed + 0.01))
    return f"{allowed:g} CPUs, rounded down, at least 1" if loops else f"2 x {cpus} + 1 = {advised}"


def _set_workers(one: WorkerFacts, advised: int) -> str:
    server = server_of(one)
    option = "-w" if server in ("gunicorn", "hypercorn") else "--workers"
    return f"{server} {option} {advised} ..." if server != UNKNOWN else f"WEB_CONCURRENCY={advised}"


def _cpu_word(count: float) -> str:
    return "CPU" if count <= 1 else "CPUs"


def _once(found: list[Finding]) -> list[Finding]:
    """Hosts of a service are alike: one finding a kind, with the workers of all."""
    merged: dict[str, Finding] = {}
    for one in found:
        known = merged.get(one.kind)
        joined = (*known.workers, *one.workers) if known else one.workers
        merged[one.kind] = Finding(**{**vars(known or one), "workers": joined})
    return list(merged.values())
