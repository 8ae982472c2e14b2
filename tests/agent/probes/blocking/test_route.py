"""A route is told by its parameters' names: their values stay private."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from heaptide.probes.blocking.route import name, route_of


class Route:
    path = "/orders/{number}"


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"path": "/", "path_params": {}}, "GET /"),
        ({"path": "/orders/17", "path_params": {"number": 17}}, "GET /orders/{number}"),
        ({"path": "/o/1/lines/12/", "path_params": {"order": 1, "line": 12}}, "GET /o/{order}/lines/{line}/"),
        ({"path": "/o/12/lines/1", "path_params": {"order": 12, "line": 1}}, "GET /o/{order}/lines/{line}"),
        ({"path": "/files/a/b.txt", "path_params": {"path": "a/b.txt"}}, "GET /files/{path}"),
        ({"path": "/orders/007", "path_params": {"number": 7}, "route": Route()}, "GET /orders/{number}"),
        ({"path": "/orders/007", "path_params": {"number": 7}}, None),
        ({"path": "/orders/ann@example.com"}, None),
        ({"path": "/live", "path_params": {}, "method": None}, "WS /live"),
    ],
)
def test_values_become_names(scope: dict[str, Any], expected: str | None) -> None:
    assert name({"type": "http", "method": "GET"} | scope) == expected


def test_the_innermost_scope_of_a_stack_tells_the_route() -> None:
    def endpoint() -> str | None:
        return route_of(sys._getframe())

    def inner(scope: dict[str, Any]) -> str | None:
        return endpoint()

    def outer(scope: dict[str, Any]) -> str | None:
        return inner({**scope, "path_params": {"number": 17}})

    request = {"type": "http", "method": "GET", "path": "/orders/17"}
    assert outer(request) == "GET /orders/{number}"
    assert outer({"type": "lifespan"}) is None
    assert endpoint() is None
