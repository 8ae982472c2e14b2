"""`heaptide run -- COMMAND`: the agent without a change of code."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path

from heaptide.hooks import RUN_PID
from heaptide.settings import SETTINGS, resolve

# "shop.main:app", "shop:create_app()"; but not "localhost:8000"
_APP = re.compile(r"([A-Za-z_]\w*)(\.\w+)*:[A-Za-z_]")
# As in `celery -A shop.tasks worker` and `flask --app=shop run`.
_APP_OPTION = re.compile(r"\b(?:celery|flask|litestar)\b.* (?:-A|--app)[= ]([A-Za-z_]\w*)")
NO_COLLECTOR = (
    "heaptide run: no collector is set, so there is nowhere to report to; "
    "set HEAPTIDE_COLLECTOR or give --collector http://127.0.0.1:8787\n"
)


def run(command: Sequence[str], options: Mapping[str, str | None]) -> int:
    """Replaces this process by the command, watched.

    Args:
        command: the program and its arguments.
        options: settings by name, None where not given.

    Returns:
        An exit status, only if the command could not be run: 2, 126 or 127.
    """
    environ = environment(command, options, os.environ)
    if resolve({}, environ).collector is None:
        sys.stderr.write(NO_COLLECTOR)
        return 2
    try:
        os.execvpe(command[0], list(command), environ)  # noqa: S606 - running it is the point
    except FileNotFoundError:
        sys.stderr.write(f"heaptide run: there is no command {command[0]!r}\n")
        return 127
    except OSError as error:
        sys.stderr.write(f"heaptide run: {command[0]!r} can't be run: {error.strerror}\n")
        return 126


def environment(
    command: Sequence[str], options: Mapping[str, str | None], environ: Mapping[str, str]
) -> MutableMapping[str, str]:
    """The environment in which each Python below the command arms the agent."""
    changed = dict(environ)
    for setting in SETTINGS:
        if (given := options.get(setting.name)) is not None:
            changed[setting.variable] = given
    bootstrap = str(Path(__file__).parent / "bootstrap")
    changed["PYTHONPATH"] = os.pathsep.join(filter(None, [bootstrap, environ.get("PYTHONPATH")]))
    changed[RUN_PID] = str(os.getpid())
    if resolve({}, changed).service is None and (service := _service(command)):
        changed["HEAPTIDE_SERVICE"] = service
    return changed


def _service(command: Sequence[str]) -> str | None:
    """A service's name from the app that a server is told to serve."""
    served = next((found[1] for word in command[1:] if (found := _APP.match(word))), None)
    named = _APP_OPTION.search(" ".join(command))
    return served or (named[1] if named else None)
