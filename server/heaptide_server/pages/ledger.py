"""What the pages ask of the leaks."""

from __future__ import annotations

from typing import Protocol

from heaptide_server.model import Leak


class LeakBook(Protocol):
    """The leaks as people see them, and what a person may do to one."""

    def leaks(self, service: str | None = None, status: str | None = None) -> list[Leak]:
        """Leaks of a service, or of all."""

    def leak(self, leak_id: str, /) -> Leak | None:
        """One leak; None where there is none of that id."""

    def resolve(self, leak_id: str, /) -> object:
        """Closes a leak by hand."""

    def mute(self, leak_id: str, /) -> object:
        """Keeps a leak without alerts."""

    def reopen(self, leak_id: str, /) -> object:
        """Puts a leak back among the open ones."""
