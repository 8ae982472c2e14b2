"""What is wrong with a request, as its sender is told."""

from __future__ import annotations

from typing import Any


class Problem(Exception):  # noqa: N818 - the word that RFC 9457 has for it
    """A refused request.

    Args:
        status: the HTTP status code.
        code: a stable word for programs.
        message: a sentence for people: what was wrong, with which value, what to do.
        field: where in the body, as `worker.pid`.
        beside: what else the body holds.
        headers: what else the reply's head holds.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        field: str | None = None,
        *,
        beside: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        error = {"code": code, "message": message} | ({} if field is None else {"field": field})
        self.body: dict[str, Any] = {"error": error} | (beside or {})
