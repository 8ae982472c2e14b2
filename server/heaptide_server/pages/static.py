"""Serves the static files: compressed once, and kept by browsers for good under the address of their content."""

from __future__ import annotations

import gzip
import mimetypes
from functools import cache

from fastapi import APIRouter, Request
from fastapi.responses import Response

from heaptide_dashboards import STATIC
from heaptide_dashboards.assets import version
from heaptide_server.pages.problems import Missing, PageRoute

FOR_GOOD = "public, max-age=31536000, immutable"
# Without the right version in its address a file is asked for each time, and answered with 304 while it's the same.
ASK_AGAIN = "no-cache"
_KNOWN = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()}


def router() -> APIRouter:
    """Routes of the static files, by the names that they have in `heaptide_dashboards.STATIC`."""
    routes = APIRouter(prefix="/static", route_class=PageRoute, include_in_schema=False)

    @routes.api_route("/{name:path}", methods=["GET", "HEAD"])
    def file(name: str, request: Request, v: str = "") -> Response:
        if name not in _KNOWN:
            raise Missing("There is no such file.")
        tag = f'W/"{version(name)}"'
        headers = {
            "cache-control": FOR_GOOD if v == version(name) else ASK_AGAIN,
            "etag": tag,
            "vary": "accept-encoding",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        media_type = mimetypes.guess_type(name)[0] or "text/plain"
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response((STATIC / name).read_bytes(), headers=headers, media_type=media_type)
        return Response(_packed(name), headers=headers | {"content-encoding": "gzip"}, media_type=media_type)

    return routes


@cache
def _packed(name: str) -> bytes:
    return gzip.compress((STATIC / name).read_bytes(), 9, mtime=0)
