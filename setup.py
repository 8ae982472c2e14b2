"""Builds the optional C extensions; all else stands in pyproject.toml."""

import os
import platform
import sys
import sysconfig
import warnings
from glob import glob

from setuptools import Extension, setup

SAMPLER = "agent/heaptide/tracemalloc_ng/_native/"
WALKER = "agent/heaptide/heap/_native/"

# CI sets it: what silently isn't built would let every test of it skip.
REQUIRED = os.environ.get("HEAPTIDE_REQUIRE_NATIVE") == "1"
# Invariants checked at every step, for crash hunting.
ASSERTS = os.environ.get("HEAPTIDE_NATIVE_ASSERT") == "1"


def obstacle() -> str:
    """Says why they can't be built for this interpreter; "" where they can."""
    if platform.python_implementation() != "CPython":
        return f"they read CPython's internals, and this is {platform.python_implementation()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "they rely on the GIL, and this CPython is a free-threaded build"
    if not (3, 10) <= sys.version_info[:2] <= (3, 13):
        return f"they know CPython 3.10 to 3.13, and this is {sys.version_info[0]}.{sys.version_info[1]}"
    return ""


def native(name: str, folder: str) -> Extension:
    """An extension of all C files in a folder."""
    return Extension(
        name,
        sources=sorted(glob(f"{folder}*.c")),
        depends=sorted(glob(f"{folder}*.h")),
        define_macros=[("HEAPTIDE_NATIVE_ASSERT", "1")] if ASSERTS else [],
        extra_compile_args=["-std=gnu11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"],
        libraries=["m"],
        optional=not REQUIRED,
    )


def extensions() -> list[Extension]:
    """The sampler and the walker, or nothing where this interpreter can't carry them."""
    if why := obstacle():
        sentence = f"heaptide's sampling tracer and heap walker aren't built: {why}."
        if REQUIRED:
            raise SystemExit(f"{sentence} Unset HEAPTIDE_REQUIRE_NATIVE to install without them.")
        warnings.warn(sentence, stacklevel=1)
        return []
    return [native("heaptide.tracemalloc_ng._sampler", SAMPLER), native("heaptide.heap._walker", WALKER)]


setup(ext_modules=extensions())
