"""Finds which request a stack serves: ASGI apps hand the request's `scope` from call to call, by that name."""

from __future__ import annotations

from collections.abc import Mapping
from types import FrameType
from typing import Any

from heaptide.frames import outward

_MOST_ROUTE = 120


def route_of(frame: FrameType | None) -> str | None:
    """The route that a stack serves, such as "GET /orders/{id}"; None where it serves none, or it isn't known yet.

    The innermost scope knows most: routers write into it what they matched.
    """
    for one in outward(frame):
        code = one.f_code
        if "scope" in code.co_varnames[: code.co_argcount]:
            scope = one.f_locals.get("scope")
            if isinstance(scope, Mapping) and scope.get("type") in ("http", "websocket"):
                return name(scope)
    return None


def name(scope: Mapping[str, Any]) -> str | None:
    """Names a request's route: its path with the parameters' names in place of their values, which stay private."""
    template = _template(scope)
    if template is None:
        return None
    return f"{scope.get('method') or 'WS'} {template}"[:_MOST_ROUTE]


def _template(scope: Mapping[str, Any]) -> str | None:
    path, parameters = scope.get("path"), scope.get("path_params")
    if not isinstance(path, str) or not isinstance(parameters, Mapping):
        return None  # no router has matched yet: a bare path may hold anything
    head, rest = "", f"{path}/"
    for parameter, value in parameters.items():  # in the path's order
        before, found, after = rest.partition(f"/{value}/")
        if not found:
            return _declared(scope)
        head, rest = f"{head}{before}/{{{parameter}}}", f"/{after}"
    return (head + rest)[:-1]


def _declared(scope: Mapping[str, Any]) -> str | None:
    """The route's own path, where a value isn't in the request's path as written, such as 7 for "007"."""
    declared = getattr(scope.get("route"), "path", None)
    return declared if isinstance(declared, str) else None
