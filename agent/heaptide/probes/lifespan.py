"""Whether the server tells the app of its start-up and shutdown, and whether the app does anything about it."""

from __future__ import annotations

import sys
from typing import Any

MOST_ROUTERS = 200  # whose lifespans FastAPI has put into one another


class Lifespan:
    """Tells of the lifespan protocol.

    Facts, none before the first ASGI message: lifespan (the server opened it), requests (one came), and handles:
    whether the app has a lifespan of its own or handlers of the shutdown, None where it isn't of Starlette.
    """

    name = "lifespan"

    def facts(self) -> dict[str, Any]:
        """See the class."""
        noticed = getattr(sys.modules.get("heaptide.middleware"), "NOTICED", None)
        if noticed is None or not (noticed.lifespan or noticed.request):
            return {}
        app = noticed.app() if noticed.app else None
        return {"lifespan": noticed.lifespan, "requests": noticed.request, "handles": _handles(app)}


def _handles(app: object) -> bool | None:
    router = getattr(app, "router", None)
    context = getattr(router, "lifespan_context", None)
    if context is None:
        return None
    return bool(getattr(router, "on_shutdown", None)) or not _is_default(context, 0)


def _is_default(context: object, depth: int) -> bool:
    """Whether nobody gave a lifespan. FastAPI merges those of included routers, also where none of them has one."""
    if type(context).__name__ == "_DefaultLifespan":
        return True
    merged = getattr(context, "__wrapped__", None)
    if depth > MOST_ROUTERS or not str(getattr(merged, "__qualname__", "")).endswith(".merged_lifespan"):
        return False
    cells = getattr(merged, "__closure__", None) or ()
    return all(_is_default(cell.cell_contents, depth + 1) for cell in cells)
