"""The one place where the agent's own errors end: they are counted and told, and never reach the app."""

from __future__ import annotations

import logging
from types import TracebackType

LOG = logging.getLogger("heaptide")
MOST_LINES = 10  # distinct errors that are logged; an agent that fails in more ways than this says nothing new


class Gate:
    """Makes context managers that swallow errors: `with gate("what is tried"): ...`.

    `KeyboardInterrupt` and `SystemExit` pass: they are the app's, not ours.

    Attributes:
        errors: errors swallowed since the gate was made.
    """

    def __init__(self) -> None:
        self.errors = 0
        self._told: set[str] = set()

    def __call__(self, doing: str) -> Attempt:
        """Watches one block.

        Args:
            doing: what is tried in it, for the log line.
        """
        return Attempt(self, doing)

    def swallowed(self, error: Exception, doing: str) -> None:
        """Counts an error, and logs it if it is a new one."""
        self.errors += 1
        line = f"{doing}: {type(error).__name__}: {error}"
        if line in self._told or len(self._told) >= MOST_LINES:
            return
        self._told.add(line)
        LOG.error("heaptide failed, the app goes on; %s", line)
        LOG.debug("heaptide failed here", exc_info=error)


class Attempt:
    """One block under the gate."""

    __slots__ = ("_doing", "_gate")

    def __init__(self, gate: Gate, doing: str) -> None:
        self._gate = gate
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self._gate.swallowed(error, self._doing)
        return True
