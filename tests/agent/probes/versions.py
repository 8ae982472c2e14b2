"""Runs the probes' tests, and the target programs of pools and blocked loops on a real PostgreSQL, under each CPython.

    python -m tests.agent.probes.versions [python3.10 /path/to/python3.13 ...]

Each interpreter gets a virtual environment under build/probes, with a wheel built from this tree and the newest of the
libraries that the probes look at. The agent's tests run in it; of the integration tests the target programs alone do,
for the collector that judges their facts needs a newer Python than the agent. Without arguments: every python3.10 to
python3.13 on the PATH or in pyenv.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.agent.native.versions import ROOT, install, interpreters, passed

POOLS = ("sqlalchemy", "asyncpg", "psycopg", "psycopg-pool")
REQUIREMENTS = (
    "pytest==9.2.0", "pytest-timeout==2.4.0", "sqlalchemy", "greenlet", "asyncpg", "psycopg[binary]", "psycopg-pool",
    "uvloop", "fastapi", "uvicorn", "prometheus-client", "httpx", "httpx2", "requests", "aiohttp",
)  # fmt: skip
OWN = ("tests/agent/probes",)
TARGETS = ("tests/integration/pools", "tests/integration/blocking")


def run_tests(python: Path, names: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Runs tests; returns pytest's last line, "failed" in it if any did."""
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *names]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environ}, check=False)
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-2000:])
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "failed to start"


def versions_of(python: Path) -> str:
    """Of the pools' libraries, as they were installed."""
    program = "import sys, importlib.metadata as m; print(', '.join(f'{one} {m.version(one)}' for one in sys.argv[1:]))"
    return subprocess.check_output([python, "-c", program, *POOLS], text=True).strip()


def check(python: str) -> bool:
    """Runs everything under one interpreter and prints a line for each part; True if all is well."""
    version, own = install(python, "probes", {}, REQUIREMENTS)
    probes = run_tests(own, OWN, {})
    print(f"{version}: the probes' tests: {probes}", flush=True)
    targets = run_tests(Path(sys.executable), TARGETS, {"TARGET_PYTHON": str(own)})
    print(f"{version}: target programs with {versions_of(own)}: {targets}", flush=True)
    return passed(probes) and passed(targets)


def main() -> int:
    """Returns 0 if every version passed."""
    results = [check(python) for python in sys.argv[1:] or interpreters()]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
