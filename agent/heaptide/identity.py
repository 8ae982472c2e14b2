"""Who this worker is: drawn anew in each process. Runs in the agent's thread, so it may read files."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from heaptide import __version__
from heaptide.settings import Settings

# What platforms tell of the release, tried after git's HEAD.
PLATFORM_RELEASES = (
    "HEROKU_BUILD_COMMIT",
    "SOURCE_VERSION",
    "CODEBUILD_RESOLVED_SOURCE_VERSION",
    "CIRCLE_SHA1",
    "GAE_DEPLOYMENT_ID",
    "K_REVISION",
)
MOST_PARENTS = 20  # folders looked through for .git, from the working folder up


def worker(
    settings: Settings, *, service: str, server: str | None, started_at: float, environ: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    """The report's `worker`, with a fresh key.

    Args:
        settings: this process's settings.
        service: the name to use where the settings have none.
        server: the server's name, see `heaptide.servers.server_name`.
        started_at: the process's start in seconds since the epoch.
        environ: the process's environment.
        folder: where the search for .git begins.
    """
    return {
        "key": uuid.uuid4().hex,
        "service": settings.service or service,
        "environment": settings.environment,
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "started_at": started_at,
        "release": release(settings, environ, folder),
        "python": ".".join(map(str, sys.version_info[:3])),
        "agent": __version__,
        "server": server,
        "interval_s": settings.interval_s,
    }


def service_name(module: str, argv: Sequence[str], main_package: str | None) -> str:
    """A service's name from the module that called `heaptide.start`: its package, or the script's name.

    Args:
        module: the caller's `__name__`.
        argv: the process's arguments.
        main_package: the package of `python -m package`, if it was started so.
    """
    if module not in ("__main__", "__mp_main__"):
        return module.partition(".")[0] or "python"
    if main_package:
        return main_package.partition(".")[0]
    return Path(argv[0] if argv else "").stem or "python"


def release(settings: Settings, environ: Mapping[str, str], folder: Path) -> str | None:
    """The release: as set, else git's HEAD, else what the platform says."""
    if settings.release:
        return settings.release
    return git_head(folder) or next((environ[name] for name in PLATFORM_RELEASES if environ.get(name)), None)


def git_head(folder: Path) -> str | None:
    """The commit that is checked out around a folder, from git's own files; None where there is none or it is odd."""
    try:
        for parent in [folder, *folder.parents][:MOST_PARENTS]:
            if (parent / ".git").exists():
                return _head(_git_folder(parent / ".git"))
    except (OSError, UnicodeDecodeError):
        return None
    return None


def _git_folder(git: Path) -> Path:
    """In a linked work tree or a submodule .git is a file that names the folder."""
    return git if git.is_dir() else git.parent / git.read_text().partition("gitdir:")[2].strip()


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head or None
    name = head.removeprefix("ref: ")
    common = git / "commondir"  # branches of a linked work tree live in the main one
    shared = git / common.read_text().strip() if common.exists() else git
    for root in (git, shared):
        if (root / name).is_file():
            return (root / name).read_text().strip() or None
    packed = shared / "packed-refs"
    lines = packed.read_text().splitlines() if packed.exists() else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), None)
