"""What stands around a process: its ancestors, its container, its systemd unit."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from heaptide.cgroups import Groups, read

MOST_ANCESTORS = 8
_MOST_NAME = 40

# Programs that are known by a word of their command line, for their process is called "python" or "node".
_PROGRAMS = ("gunicorn", "uvicorn", "hypercorn", "granian", "celery", "supervisord", "circusd", "honcho", "pm2")
_RUNTIMES = (("kubepods", "kubernetes"), ("libpod", "podman"), ("docker", "docker"), ("containerd", "containerd"))
_UNIT = re.compile(r"[\w.@:\\-]+\.service")
_UNIT_FOLDERS = (
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "run/systemd/transient",
    "run/systemd/system",
    "etc/systemd/system",
)


def ancestors(proc: str, pid: int) -> list[dict[str, Any]]:
    """A process's ancestors, the parent first: number, name, and the program where its command line tells one."""
    return list(_ancestors(proc, pid))


def _ancestors(proc: str, pid: int) -> Iterator[dict[str, Any]]:
    for _ in range(MOST_ANCESTORS):
        stat = read(os.path.join(proc, str(pid), "stat"))
        # The name is in parentheses and may itself hold spaces and parentheses; state and parent follow it.
        fields = stat.rpartition(")")[2].split() if stat else []
        if len(fields) < 2 or not fields[1].isdigit() or fields[1] == "0":
            return
        pid = int(fields[1])
        yield {"pid": pid, "name": (read(os.path.join(proc, str(pid), "comm")) or "?")[:_MOST_NAME]} | _program(
            proc, pid
        )


def _program(proc: str, pid: int) -> dict[str, Any]:
    """What a process runs. No more of its command line is told: it may hold secrets."""
    words = (read(os.path.join(proc, str(pid), "cmdline")) or "").split("\0")
    names = [os.path.basename(word).lower() for word in words[:4]]
    found = next((program for program in _PROGRAMS if any(name.startswith(program) for name in names)), None)
    return {"program": found, "reload": "--reload" in words} if found else {}


def container(groups: Groups, environ: Mapping[str, str], root: str) -> str | None:
    """The container's runtime; None outside of any."""
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return "kubernetes"
    paths = " ".join(path for _, path in groups.paths())
    for word, runtime in _RUNTIMES:
        if re.search(rf"[/:-]?\b{word}", paths) and "docker.service" not in paths:
            return runtime
    if os.path.exists(os.path.join(root, "run/.containerenv")):
        return "podman"
    return "docker" if os.path.exists(os.path.join(root, ".dockerenv")) else None


def unit(groups: Groups) -> str | None:
    """The systemd service that a process belongs to; None in a login session or without systemd."""
    for _, path in groups.paths():
        parts = [part for part in path.split("/") if part]
        # A service may have groups below it; a scope in it is something else that was started from there.
        services = [part for part in parts if _UNIT.fullmatch(part) and not part.startswith("user@")]
        if services and not parts[-1].endswith(".scope"):
            return services[-1]
    return None


def restart_policy(name: str, root: str) -> str | None:
    """What a unit's files say of `Restart=`; "no" where they say nothing, None where they can't be read."""
    template = re.sub(r"@[^.]*\.", "@.", name)
    found, policy = False, "no"
    for folder in _UNIT_FOLDERS:
        for unit_name in dict.fromkeys((template, name)):
            path = os.path.join(root, folder, unit_name)
            texts = [read(path), *(read(file) for file in _drop_ins(f"{path}.d"))]
            for text in filter(None, texts):
                found = True
                policy = next(reversed(re.findall(r"(?m)^\s*Restart\s*=\s*([a-z-]*)", text)), policy) or "no"
    return policy if found else None


def _drop_ins(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".conf")]
    except OSError:
        return []
