"""What the releases say of a leak: "new in release 2.4.1", "the same leak since", "gone since"."""

from __future__ import annotations

from heaptide_server.leaks.states import Seen
from heaptide_server.model import Leak


def note(leak: Leak, seen: Seen) -> str | None:
    """One sentence; None where releases aren't told, or nothing can be said yet.

    Args:
        leak: as it is after this look.
        seen: the look; `earlier_release` was seen for long enough to have shown a leak.
    """
    if seen.release is None or leak.release is None:
        return leak.release_note
    if leak.status == "resolved":
        rose_in = leak.state.get("rose_in", leak.release)
        return f"Gone since release {seen.release}." if seen.release != rose_in else "Gone."
    if leak.release != seen.release:
        return f"The same leak since release {leak.release}."
    if leak.state.get("regressed"):
        return f"Back in release {leak.release}."
    if leak.state.get("earlier_release"):
        return f"New in release {leak.release}: {leak.state['earlier_release']} ran long enough without it."
    return f"Seen since release {leak.release}, the first one watched."
