"""`heaptide doctor`: what the collector found in a service, or else what can be seen from here."""

from __future__ import annotations

import json
import resource
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode

from heaptide.cgroups import Groups
from heaptide.checkup import check
from heaptide.probes import surroundings
from heaptide.probes.cpu import Cpu
from heaptide.settings import Settings, resolve
from heaptide.vitals.cgroup import MemoryLimit

TIMEOUT_S = 10.0
MOST_ANSWER_BYTES = 4 << 20
_MARKS = {"critical": "CRITICAL", "warning": "WARNING", "info": "NOTE"}


class Unanswered(Exception):  # noqa: N818 - says what is the case
    """The collector gave no findings; the text says why."""


def examine(environ: Mapping[str, str], service: str | None, collector: str | None) -> int:
    """Prints what is found.

    Args:
        environ: the environment.
        service: which one; None takes HEAPTIDE_SERVICE, and all services where that isn't set.
        collector: its URL; None takes HEAPTIDE_COLLECTOR.

    Returns:
        0, or 1 where a finding is critical, or 2 where the collector gives no findings.
    """
    settings = resolve({"collector": collector} if collector else {}, environ)
    for line in here(environ):
        _say(line)
    _say("")
    if not settings.collector:
        _say("No collector is named (--collector or HEAPTIDE_COLLECTOR), so this is all that can be seen from here.")
        return 0
    _say(check(settings)[1])
    try:
        body = _asked(settings, environ.get("HEAPTIDE_READ_TOKEN"), service or environ.get("HEAPTIDE_SERVICE"))
    except Unanswered as error:
        _say(f"No findings: {error}.")
        return 2
    return _told(body)


def here(environ: Mapping[str, str], proc: str = "/proc", cgroup: str = "/sys/fs/cgroup", root: str = "/") -> list[str]:
    """What a worker started here would find, a sentence each."""
    groups = Groups(proc, cgroup, None)
    return [_cpus(Cpu(proc, cgroup).facts()), _memory(proc, cgroup), _guard(groups, environ, root), _files()]


def _cpus(facts: Mapping[str, Any]) -> str:
    limits = [count for name in ("quota_cpus", "cpuset_cpus", "affinity_cpus") if (count := facts[name])]
    seen, allowed = facts["os_cpus"] or 1, min(limits, default=facts["os_cpus"] or 1)
    if seen > allowed:
        return (
            f"CPUs: os.cpu_count() says {seen}, but only {allowed:g} may be used here. Set the number of workers and "
            f"threads yourself: --workers {max(1, int(allowed))}, OMP_NUM_THREADS={max(1, int(allowed))}."
        )
    return f"CPUs: {seen}, and all of them may be used."


def _memory(proc: str, cgroup: str) -> str:
    taken = MemoryLimit(proc, cgroup, None).take()
    limit, used = taken["limit_bytes"], taken["limit_used_bytes"]
    if limit is None:
        return "Memory: no limit is set for this group."
    return f"Memory: the limit is {limit / 2**20:,.0f} MiB, of which {(used or 0.0) / 2**20:,.0f} MiB are used."


def _guard(groups: Groups, environ: Mapping[str, str], root: str) -> str:
    container, unit = surroundings.container(groups, environ, root), surroundings.unit(groups)
    if container == "kubernetes":
        return "Restarts: Kubernetes starts a container again that ends."
    if container:
        return f"Restarts: {container} starts this container again only if its restart policy says so."
    if unit:
        policy = surroundings.restart_policy(unit, root)
        return f"Restarts: {unit} has Restart={policy or 'something that cannot be read here'}."
    return "Restarts: neither a container nor a systemd unit would start a service again that is started from here."


def _files() -> str:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return f"Open files: {'no limit' if limit == resource.RLIM_INFINITY else f'at most {limit:,}'} for a process."


def _asked(settings: Settings, token: str | None, service: str | None) -> dict[str, Any]:
    query = f"?{urlencode({'service': service})}" if service else ""
    request = urllib.request.Request(f"{(settings.collector or '').rstrip('/')}/api/v1/checks{query}")  # noqa: S310
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the user's own collector
            body = json.loads(answer.read(MOST_ANSWER_BYTES))
    except urllib.error.HTTPError as error:
        error.close()
        raise Unanswered(_refused(error.code)) from error
    except (OSError, HTTPException, ValueError) as error:
        raise Unanswered(f"{settings.collector} didn't answer with findings ({error})") from error
    if not isinstance(body, dict) or not isinstance(body.get("findings"), list):
        raise Unanswered(f"what answers at {settings.collector} is no collector")
    return body


def _refused(status: int) -> str:
    if status in (401, 403):
        return f"the collector wants the read token (HTTP status {status}): set HEAPTIDE_READ_TOKEN"
    if status == 404:
        return "the collector is older than this command and has no checks (HTTP status 404)"
    return f"the collector answered with HTTP status {status}"


def _told(body: Mapping[str, Any]) -> int:
    for checked in body.get("services", []):
        telling = "" if checked["telling"] else " None of them tells facts: their agents are too old."
        _say(f"{checked['service']} ({checked['environment']}): {checked['workers']} workers alive.{telling}")
    if not body.get("services"):
        _say("No such service has reported.")
    for finding in body["findings"]:
        _print(finding)
    critical = sum(finding["severity"] == "critical" for finding in body["findings"])
    _say(f"\n{len(body['findings'])} findings, {critical} of them critical.")
    return 1 if critical else 0


def _print(finding: Mapping[str, Any]) -> None:
    mark = _MARKS.get(finding["severity"], finding["severity"])
    _say(f"\n{mark}  {finding['service']} ({finding['environment']}): {finding['title']}  [{finding['kind']}]")
    for sentence in finding["evidence"]:
        _say(f"  - {sentence}")
    for line in str(finding["fix"]).splitlines():
        _say(f"  {line}".rstrip())


def _say(line: str) -> None:
    # Names come from other people's programs: a terminal must not take them for commands.
    sys.stdout.write("".join(char if char.isprintable() or char == "\n" else "?" for char in line) + "\n")
