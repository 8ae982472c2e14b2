"""Runs the tests of the C extensions, and the standard library's own with the sampler on, under each CPython there is.

    python -m tests.agent.native.versions [--quick | --asan] [python3.10 /path/to/python3.13 ...]

Each interpreter gets a virtual environment under build/versions, with a wheel built from this tree with its invariants
asserted. The standard library's tests run with a sample every 256 bytes; one that fails is run again without the
sampler, and counts only if it passes then. With --asan the wheel is built with AddressSanitizer instead, and only the
extensions' own tests run. Without arguments: every python3.10 to python3.13 on the PATH or in pyenv.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.agent.native import sanitizer

ROOT = Path(__file__).parents[3]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
REQUIREMENTS = ("pytest==9.2.0", "pytest-timeout==2.4.0", "hypothesis", "psutil", "scipy", "setuptools")
NO_SOURCES = (".*", "build", "dist", "*.egg-info", "__pycache__", "*.so", "tests")
# What the C extensions do, and what is read through them.
OWN = ("native", "heap", "facts/test_census.py", "facts/test_vitals.py")

# What the sampler could break: containers that realloc, the collector, frames of every kind, threads and forks.
# fmt: off
REGRESSION = (
    "test_dict", "test_list", "test_str", "test_unicode", "test_bytes", "test_set", "test_deque", "test_array",
    "test_gc", "test_weakref", "test_generators", "test_coroutines", "test_asyncgen", "test_exceptions",
    "test_frame", "test_code", "test_sys_settrace", "test_asyncio", "test_threading", "test_thread", "test_fork1",
    "test_json", "test_pickle", "test_decimal", "test_re", "test_finalization",
)
# fmt: on
QUICK = ("test_dict", "test_list", "test_gc", "test_generators", "test_json", "test_threading")

# Tests of what the sampler changes on purpose: a sampled stack keeps its code objects alive.
EXCEPTED = ("test_free_called", "test_free_different_thread", "*.CodeWeakRefTest.*")

SITECUSTOMIZE = """
from heaptide import tracemalloc_ng
tracemalloc_ng.start(16, 256, samples_per_s=1e9)
"""


def interpreters() -> list[str]:
    """One interpreter for each version: the first on the PATH, else pyenv's newest."""
    found = []
    for version in VERSIONS:
        pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        path = shutil.which(f"python{version}")
        runs = path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
        if runs or pyenv:
            found.append(path if path and runs else str(pyenv[-1]))
    return found


def install(
    python: str, kind: str, compiling: Mapping[str, str], requirements: Sequence[str] = REQUIREMENTS
) -> tuple[str, Path]:
    """Makes an environment of this interpreter; returns its version and its python."""
    version = subprocess.check_output([python, "-c", "import platform; print(platform.python_version())"], text=True)
    folder = ROOT / "build" / kind / version.strip()
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    own = folder / "bin" / "python"
    pip = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements], check=True, stderr=subprocess.DEVNULL)
    native = {**os.environ, **compiling, "HEAPTIDE_REQUIRE_NATIVE": "1", "HEAPTIDE_NATIVE_ASSERT": "1"}
    with TemporaryDirectory() as source:  # what another build left in the tree, with other options, isn't reused
        shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NO_SOURCES), dirs_exist_ok=True)
        subprocess.run([*pip, "--no-cache-dir", "--force-reinstall", source], check=True, env=native)
    return version.strip(), own


def own_tests(python: Path, running: Mapping[str, str], *options: str) -> str:
    """Runs the extensions' tests; returns pytest's last line, "failed" in it if any did."""
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *options]
    command += [str(ROOT / "tests" / "agent" / name) for name in OWN]
    env = {**os.environ, **running, "HEAPTIDE_REQUIRE_NATIVE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=ROOT, check=False)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-2000:])
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "failed to start"


def regression(python: Path, names: list[str], *, sampled: bool) -> tuple[list[str], str]:
    """Runs the standard library's tests; returns the names that failed and the summary."""
    env = dict(os.environ)
    if sampled:
        custom = python.parent / "sampled"
        custom.mkdir(exist_ok=True)
        (custom / "sitecustomize.py").write_text(SITECUSTOMIZE)
        env["PYTHONPATH"] = str(custom)
    folder = subprocess.check_output([str(python), "-c", "import test; print(test.__path__[0])"], text=True).strip()
    there = [name for name in names if list(Path(folder).glob(f"{name}*"))]  # test_str was test_unicode before 3.13
    command = [str(python), "-m", "test", "-j2", "--timeout", "900"]
    command += [part for name in EXCEPTED for part in ("--ignore", name)] + there
    done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=python.parent, check=False)
    failed = re.findall(r"^(?:test\S*\s+)*?\[?.*\b(test_\w+)(?:\.\w+)* (?:failed|crashed|timed out)", done.stdout, re.M)
    totals = re.findall(r"^(?:Total tests: .*|\d+ tests? OK.*|All \d+ tests OK.*)", done.stdout, re.M)
    if done.returncode and not failed:
        failed = ["(see above)"]
        print(done.stdout[-3000:], done.stderr[-2000:])
    return sorted(set(failed)), " ".join(totals)


def passed(tests: str) -> bool:
    """What pytest's last line says."""
    return "failed" not in tests and "error" not in tests


def check_sanitized(python: str) -> bool:
    """Runs the extensions' tests under AddressSanitizer and prints a line; True if it reports nothing."""
    version, own = install(python, "asan", sanitizer.COMPILING)
    reports = sanitizer.Reports(own.parent / "reports")
    tests = own_tests(own, reports.running(), "-m", "not slow", "-k", sanitizer.LEFT_OUT)
    found = reports.found()
    print(f"{version}, AddressSanitizer: {tests}; {len(found)} reports", *found, sep="\n", flush=True)
    return passed(tests) and not found


def check(python: str, names: list[str]) -> bool:
    """Runs everything under one interpreter and prints a line for each part; True if all is well."""
    version, own = install(python, "versions", {})
    tests = own_tests(own, {})
    print(f"{version}: the extensions' tests: {tests}", flush=True)
    failed, totals = regression(own, names, sampled=True)
    print(f"{version}: the standard library's, sampled every 256 bytes: {totals}", flush=True)
    real = []
    for name in failed:
        without, _ = regression(own, [name], sampled=False)
        print(f"{version}: {name} failed with the sampler, and {'also ' if without else 'not '}without", flush=True)
        real += [] if without else [name]
    return passed(tests) and not real


def main() -> int:
    """Returns 0 if every version passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("python", nargs="*", help="interpreters to test")
    parser.add_argument("--quick", action="store_true", help="a few of the standard library's tests only")
    parser.add_argument("--asan", action="store_true", help="the extensions' tests under AddressSanitizer only")
    options = parser.parse_args()
    if options.asan and (why := sanitizer.obstacle()):
        parser.error(why)
    names = list(QUICK if options.quick else REGRESSION)
    pythons = options.python or interpreters()
    results = [check_sanitized(python) if options.asan else check(python, names) for python in pythons]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
