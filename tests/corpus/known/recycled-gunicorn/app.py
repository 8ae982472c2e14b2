"""A service that gunicorn recycles every 300 requests, and that keeps a kilobyte of each: less in one life than counts.

Each life also warms up anew: that alone is no leak, and all that VARIANT=fixed does.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

import heaptide

LEAKY = os.environ.get("VARIANT", "leaky") == "leaky"
MOST_PAGES = 100
PAGES: dict[int, bytes] = {}
VISITS: list[bytes] = []


def remember(path: str) -> None:
    VISITS.append(path.encode().ljust(1000))


def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    body = PAGES.setdefault(hash(path) % MOST_PAGES, bytes(4000))
    if LEAKY:
        remember(path)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


app = heaptide.start(serve)
