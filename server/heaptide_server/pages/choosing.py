"""Reads what somebody chose to see from a page's address."""

from __future__ import annotations

from collections.abc import Iterable

from heaptide_dashboards.choices import ACROSS, METRICS, PER, TOPS, Choice
from heaptide_dashboards.format import shorten
from heaptide_dashboards.windows import DEFAULT_WINDOW, WINDOWS
from heaptide_server.model import Only
from heaptide_server.pages.problems import Problem

MOST_NUMBER = 2**63 - 1


def read_choice(
    window: str = DEFAULT_WINDOW,
    worker: str = "",
    release: str = "",
    metric: str = "rss",
    top: str = "5",
    site: str = "",
    per: str = "all",
    x: str = "time",
) -> Choice:
    """A choice from the texts of an address.

    Raises:
        Problem: one of them can't be chosen; a sentence says what can.
    """
    seconds(window)
    _one_of("metric", metric, METRICS)
    _one_of("top", top, map(str, TOPS))
    _one_of("per", per, PER)
    _one_of("x", x, ACROSS)
    if worker and not _is_number(worker.rpartition("/")[2]):
        raise _wrong("worker", worker, "must be a host and a number, such as web-1/2.")
    if site and not _is_number(site):
        raise _wrong("site", site, "must be a site's number.")
    return Choice(window, worker, release, metric, int(top), int(site) if site else None, per, x)


def only(choice: Choice) -> Only:
    """Whom the choice narrows a question to."""
    release = choice.release or None
    if not choice.worker:
        return Only(release=release)
    host, _, slot = choice.worker.rpartition("/")
    return Only(host, int(slot), release)


def seconds(window: str) -> float:
    """The length of a window by its name.

    Raises:
        Problem: no window has that name.
    """
    if window not in WINDOWS:
        text = f"window={shorten(window, 40)} is none of {', '.join(WINDOWS)}. Choose one of them."
        raise Problem(400, "No such span of time", text)
    return WINDOWS[window]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= MOST_NUMBER


def _one_of(name: str, value: str, known: Iterable[str]) -> None:
    known = list(known)
    if value not in known:
        raise _wrong(name, value, f"is none of {', '.join(known)}. Choose one of them.")


def _wrong(name: str, value: str, text: str) -> Problem:
    return Problem(400, "No such view", f"{name}={shorten(value, 40)} {text}")
