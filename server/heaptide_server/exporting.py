"""`heaptide export`: the collector's tables as files, for a spreadsheet or a flame graph tool."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx2

TIMEOUT_S = 60.0
KINDS = ("sites", "leaks", "workers")


def export(
    collector: str,
    kind: str,
    service: str | None,
    choice: dict[str, str],
    form: str,
    token: str | None,
    to: Path | None,
) -> int:
    """Writes a file, or to standard output.

    Args:
        collector: its address.
        kind: one of `KINDS`.
        service: whose; None means all, which only leaks can be.
        choice: environment and window, where they are given.
        form: csv, or collapsed for sites.
        token: the read token.
        to: the file; None writes to standard output.

    Returns:
        The exit status: 1 if the collector doesn't answer or refuses, 2 for what can't be had.
    """
    if problem := _problem(kind, service, form):
        sys.stderr.write(f"heaptide export: {problem}\n")
        return 2
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    query = choice | ({"service": service} if service else {})
    try:
        answer = httpx2.get(
            f"{collector.rstrip('/')}/export/{kind}.{form}", params=query, headers=headers, timeout=TIMEOUT_S
        )
    except (httpx2.TransportError, httpx2.UnsupportedProtocol) as error:
        sys.stderr.write(f"{collector} doesn't answer: {error}. Is `heaptide serve` running there?\n")
        return 1
    if answer.status_code != 200:
        sys.stderr.write(f"The collector refused with status {answer.status_code}: {_reason(answer, service)}\n")
        return 1
    return _write(answer.content, to)


def _problem(kind: str, service: str | None, form: str) -> str:
    if kind not in KINDS:
        return f"{kind!r} is none of {', '.join(KINDS)}"
    if form not in ("csv", "collapsed") or (form == "collapsed" and kind != "sites"):
        return f"{kind} can't be written as {form!r}; csv fits all, collapsed fits sites"
    if service is None and kind != "leaks":
        return f"which service? heaptide export {kind} SERVICE"
    return ""


def _reason(answer: httpx2.Response, service: str | None) -> str:
    reasons = {401: "it needs the read token, --token", 404: f"no worker of {service!r} has reported there"}
    return reasons.get(answer.status_code, "look into its log")


def _write(content: bytes, to: Path | None) -> int:
    try:
        if to:
            to.write_bytes(content)
        else:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
    except OSError as error:
        sys.stderr.write(f"{to or 'standard output'} can't be written: {error.strerror or error}\n")
        return 1
    return 0
