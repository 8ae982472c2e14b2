"""AddressSanitizer for an extension of an interpreter that was built without it: gcc's, loaded first."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

COMPILING = {"CFLAGS": "-fsanitize=address -fno-omit-frame-pointer -g", "LDFLAGS": "-fsanitize=address"}
# Valgrind can't run it; what is to take some milliseconds at most takes several times as long under it; and neither
# glibc's nor Python's own allocator has anything to tell.
LEFT_OUT = "not valgrind and not five_milliseconds and not gave_out"


def obstacle() -> str:
    """Why it can't be used here; "" where it can."""
    if shutil.which("gcc") is None:
        return "AddressSanitizer is used through gcc, which isn't installed"
    return "" if _library().is_absolute() else "gcc has no AddressSanitizer here: libasan isn't installed"


class Reports:
    """What it reports, of all processes that the tests start: their standard error may be closed.

    Args:
        folder: where it writes.
    """

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._folder = folder

    def running(self) -> dict[str, str]:
        """The environment in which it runs. Every block is malloc's own, so that its bounds are known."""
        options = {
            "log_path": self._folder / "process",
            "detect_leaks": 0,  # the interpreter leaves much behind at its exit
            "allocator_may_return_null": 1,  # a test asks for more than there is
        }
        return {
            "LD_PRELOAD": str(_library()),
            "ASAN_OPTIONS": os.pathsep.join(f"{name}={value}" for name, value in options.items()),
            "PYTHONMALLOC": "malloc",
        }

    def found(self) -> list[str]:
        """The errors; warnings of sizes too large are none."""
        texts = [path.read_text(errors="replace") for path in sorted(self._folder.iterdir())]
        return [text for text in texts if "ERROR: AddressSanitizer" in text]


def _library() -> Path:
    name = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout
    return Path(name.strip())
