"""What an alert says to a person."""

from __future__ import annotations

from typing import Protocol

from heaptide_server.model import Leak


class Notice(Protocol):
    """Something to tell of a leak: `kind` is leak.firing, leak.resolved or leak.test."""

    @property
    def kind(self) -> str:
        """What is told."""

    @property
    def leak(self) -> Leak:
        """Of which leak."""


def is_resolved(notice: Notice) -> bool:
    """Whether the notice says that the leak is over; a test's leak says it by its own status."""
    return notice.kind == "leak.resolved" or (notice.kind == "leak.test" and notice.leak.status == "resolved")


def place(leak: Leak) -> str:
    """Where the leak is: "shop/quotes.py:41 remember", or a type, or native memory."""
    top = leak.site.top if leak.site else None
    if top is not None:
        return f"{top.file}:{top.line} {top.function}"
    return leak.type_name or "native memory"


def label(leak: Leak) -> str:
    """The place without its line, which a new release may shift while the leak stays the same."""
    top = leak.site.top if leak.site else None
    return f"{top.file}:{top.function}" if top is not None else place(leak)


def summary(notice: Notice) -> str:
    """One sentence, such as "shop (production): shop/quotes.py:41 remember leaks 14.2 MiB per hour, ..."."""
    leak = notice.leak
    subject = f"{leak.service} ({leak.environment}): {place(leak)}"
    if notice.kind == "leak.test":
        subject = f"Test, nothing leaks: {subject}"
    return f"{subject} no longer leaks" if is_resolved(notice) else f"{subject} leaks {rate(leak)}"


def rate(leak: Leak) -> str:
    """Growth per hour, and per request where that is known."""
    hourly = f"{size(leak.bytes_per_hour)} per hour"
    if leak.bytes_per_request is None:
        return hourly
    return f"{hourly}, {size(leak.bytes_per_request)} per request"


def size(count: float) -> str:
    """Bytes in the largest binary unit that leaves at least 1: "14.2 MiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1024
    return f"{count:.1f} TiB"
