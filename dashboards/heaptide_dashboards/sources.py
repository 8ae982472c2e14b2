"""Links from a frame to its line in a repository, by a template that the collector's owner sets."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

FIELDS = ("release", "path", "line")
EXAMPLE = "https://git.example/shop/blob/{release}/{path}#L{line}"


def checked_template(template: str) -> str:
    """The template, if it can only ever lead to a web page.

    Raises:
        ValueError: it isn't http or https, has no host before its first field, or has a field that nobody fills; a
            sentence says which.
    """
    scheme_and_host = template.partition("{")[0]
    parts = urlsplit(scheme_and_host)
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{template[:80]!r} is no web address; write it as {EXAMPLE}")
    if not parts.hostname or "/" not in scheme_and_host.partition("//")[2]:
        raise ValueError(f"{template[:80]!r} needs a host before its first field; write it as {EXAMPLE}")
    unknown = [name for name in re.findall(r"\{([^}]*)\}?", template) if name not in FIELDS]
    if unknown or "{path}" not in template:
        raise ValueError(f"{template[:80]!r} may have {{release}}, {{path}} and {{line}}, and needs {{path}}")
    return template


def source_url(template: str | None, release: str | None, path: str, line: int) -> str | None:
    """The address of a line; None without a template, or where it names a release and none is known.

    Args:
        template: as `checked_template` took it.
        path: the frame's file, relative to what it was imported from.
    """
    if template is None or (release is None and "{release}" in template):
        return None
    values = {
        "release": quote(release or "", safe="", errors="replace"),
        "path": quote(path, safe="/", errors="replace"),
        "line": str(int(line)),
    }
    return re.sub(r"\{(release|path|line)\}", lambda field: values[field[1]], template)
