"""How the server is set up, read from its own objects where they stand in the main thread's call stack.

That is where command line, configuration file and environment have already been put together.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, NamedTuple

from heaptide.frames import current_frames


class _Place(NamedTuple):
    """Where a server's configuration is: a call, the local variable in it, and the attribute of that, if any."""

    server: str
    module: str
    function: str
    local: str
    attribute: str | None


_PLACES = (
    _Place("gunicorn", "gunicorn.workers.base", "init_process", "self", "cfg"),
    _Place("uvicorn", "uvicorn._subprocess", "subprocess_started", "config", None),
    _Place("uvicorn", "uvicorn.server", "run", "self", "config"),
    _Place("hypercorn", "hypercorn.asyncio.run", "asyncio_worker", "config", None),
    _Place("hypercorn", "hypercorn.asyncio.run", "uvloop_worker", "config", None),
)

# For each server our names and its own.
_SETTINGS: dict[str, dict[str, str]] = {
    "gunicorn": {
        "workers": "workers",
        "threads": "threads",
        "max_requests": "max_requests",
        "max_requests_jitter": "max_requests_jitter",
        "timeout_s": "timeout",
        "reload": "reload",
        "worker_class": "worker_class_str",
    },
    "uvicorn": {
        "workers": "workers",
        "max_requests": "limit_max_requests",
        "max_requests_jitter": "limit_max_requests_jitter",
        "timeout_s": "timeout_worker_healthcheck",
        "reload": "reload",
        "lifespan": "lifespan",
    },
    "hypercorn": {
        "workers": "workers",
        "max_requests": "max_requests",
        "max_requests_jitter": "max_requests_jitter",
        "reload": "use_reloader",
    },
}

# granian keeps its settings in the parent; its options and their variables are all that a worker sees.
_GRANIAN = {
    "workers": "--workers",
    "respawns": "--respawn-failed-workers",
    "max_rss_mib": "--workers-max-rss",
    "lifetime_s": "--workers-lifetime",
    "reload": "--reload",
}


def main_frames() -> Iterator[FrameType]:
    """The main thread's frames, innermost first."""
    frame = current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        yield frame
        frame = frame.f_back


def setup(frames: Iterable[FrameType]) -> dict[str, Any]:
    """The server's name and settings, by the outermost call that is known; empty where none is."""
    found: dict[str, Any] = {}
    for frame in frames:
        module, function = frame.f_globals.get("__name__"), frame.f_code.co_name
        for place in _PLACES:
            if (module, function) == (place.module, place.function):
                holder = frame.f_locals.get(place.local)
                config = getattr(holder, place.attribute, None) if place.attribute else holder
                found = {"server": place.server, **_settings(config, _SETTINGS[place.server])}
    return found


def granian(argv: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """What granian was told by its command line or environment."""
    found: dict[str, Any] = {"server": "granian", "workers": 1, "respawns": False}
    for name, option in _GRANIAN.items():
        variable = "GRANIAN_" + option[2:].upper().replace("-", "_")
        given = _option(argv, option)
        told = environ.get(variable) if given is None else given
        if told is not None:
            found[name] = int(told) if told.isdigit() and name not in ("respawns", "reload") else told != "false"
    return found


def _settings(config: object, names: Mapping[str, str]) -> dict[str, Any]:
    told = {ours: getattr(config, theirs, None) for ours, theirs in names.items()}
    return {name: value for name, value in told.items() if isinstance(value, (bool, int, float, str))}


def _option(argv: Sequence[str], option: str) -> str | None:
    """An option's value, "" where it has none; None where it isn't given."""
    for index, word in enumerate(argv):
        name, given, value = word.partition("=")
        if name == option:
            following = argv[index + 1] if index + 1 < len(argv) else ""
            return value if given else "" if following.startswith("-") else following
    return None
