"""Builds the optional C extension; all else stands in pyproject.toml."""

import os
import platform
import sys
import sysconfig
import warnings

from setuptools import Extension, setup

NATIVE = "agent/heaptide/tracemalloc_ng/_native/"
SOURCES = ("frames", "hooks", "look", "module", "sampler", "stacks", "table")
HEADERS = ("frames", "random", "sampler", "stacks", "table")

# CI sets it: a sampler that silently isn't built would let every test of it skip.
REQUIRED = os.environ.get("HEAPTIDE_REQUIRE_NATIVE") == "1"
# Invariants checked at every step, for crash hunting.
ASSERTS = os.environ.get("HEAPTIDE_NATIVE_ASSERT") == "1"


def obstacle() -> str:
    """Says why the sampler can't be built for this interpreter; "" where it can."""
    if platform.python_implementation() != "CPython":
        return f"it hooks CPython's allocators, and this is {platform.python_implementation()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it relies on the GIL, and this CPython is a free-threaded build"
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        return f"it knows CPython 3.10 to 3.13, and this is {sys.version_info[0]}.{sys.version_info[1]}"
    return ""


def extensions() -> list[Extension]:
    """The sampler, or nothing where this interpreter can't carry it."""
    if why := obstacle():
        sentence = f"heaptide's sampling tracer isn't built: {why}."
        if REQUIRED:
            raise SystemExit(f"{sentence} Unset HEAPTIDE_REQUIRE_NATIVE to install without it.")
        warnings.warn(sentence, stacklevel=1)
        return []
    sampler = Extension(
        "heaptide.tracemalloc_ng._sampler",
        sources=[f"{NATIVE}{name}.c" for name in SOURCES],
        depends=[f"{NATIVE}{name}.h" for name in HEADERS],
        define_macros=[("HEAPTIDE_NATIVE_ASSERT", "1")] if ASSERTS else [],
        extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"],
        libraries=["m"],
        optional=not REQUIRED,
    )
    return [sampler]


setup(ext_modules=extensions())
