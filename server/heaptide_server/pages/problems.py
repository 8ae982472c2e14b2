"""What a reader asked for in vain, answered with a page."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute

from heaptide_dashboards import render
from heaptide_dashboards.format import shorten


class Problem(Exception):  # noqa: N818 - a page of its own, not a mistake of ours
    """Ends a request with a page that says what was wrong and what to do."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text

    def page(self) -> HTMLResponse:
        """The page, with its status."""
        return HTMLResponse(render.error_html(self.status, self.title, self.text), status_code=self.status)


class Missing(Problem):
    """There is nothing at this address."""

    def __init__(self, text: str) -> None:
        super().__init__(404, "Not found", text)


def no_such_leak(leak_id: str) -> Missing:
    """The problem of a leak's address that leads nowhere."""
    return Missing(f"There is no leak {shorten(leak_id, 80)!r}. One that turned out to be none is forgotten.")


class PageRoute(APIRoute):
    """A route whose problems are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its problems answered."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except Problem as problem:
                return problem.page()

        return answer


def not_found(text: str = "There is no page at this address.") -> HTMLResponse:
    """The page for what isn't there, with status 404."""
    return Missing(text).page()
