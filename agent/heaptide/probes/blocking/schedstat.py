"""How long a thread ran, and how long it waited for a CPU, from the kernel's own count."""

from __future__ import annotations

import os
import threading

_NS = 1e9
_MOST_BYTES = 100


class Schedstat:
    """Reads `/proc/self/task/TID/schedstat` (Linux, Documentation/scheduler/sched-stats), kept open: 2 µs a reading.

    Args:
        native_id: the kernel's number of the thread.
        proc: where the proc file system is mounted.

    Raises:
        OSError: this kernel doesn't count, or there is no such thread.
    """

    def __init__(self, native_id: int, proc: str = "/proc") -> None:
        self._file = os.open(f"{proc}/self/task/{native_id}/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def take(self) -> tuple[float, float]:
        """Seconds on a CPU, and seconds in which it could have run but had none: others had it, or a quota was spent.

        Raises:
            OSError: the thread has ended.
        """
        ran, waited, _ = os.pread(self._file, _MOST_BYTES, 0).split()
        return int(ran) / _NS, int(waited) / _NS

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def of_this_thread() -> Schedstat | None:
    """Of the calling thread; None where the kernel doesn't count."""
    try:
        return Schedstat(threading.get_native_id())
    except OSError:
        return None
