"""Counts Django's requests where they begin."""

from __future__ import annotations

from typing import Any

from heaptide.lifecycle import AGENT
from heaptide.middleware import is_first, is_first_environ


def count(environ: dict[str, Any] | None = None, scope: dict[str, Any] | None = None, **_: Any) -> None:
    """Receives `django.core.signals.request_started`: a request of WSGI has an environ, one of ASGI a scope."""
    if is_first_environ(environ) if environ is not None else is_first(scope or {}):
        AGENT.count()
