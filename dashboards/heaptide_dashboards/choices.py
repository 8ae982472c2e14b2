"""What a service's page can be asked to show. All of it stands in the address: each view is a permalink."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from heaptide_dashboards.windows import DEFAULT_WINDOW

TOPS = (3, 5, 8)
PER = {"all": "workers together", "worker": "each worker"}
ACROSS = {"time": "along time", "age": "along worker's age"}


@dataclass(frozen=True)
class Metric:
    """What the first chart can show of each worker: `vital` is its name in a report, `counted` says it isn't bytes."""

    vital: str
    title: str
    word: str
    counted: bool = False


METRICS = {
    "rss": Metric("rss_bytes", "Resident set", "resident"),
    "pss": Metric("pss_bytes", "Proportional set", "proportional"),
    "malloc": Metric("malloc_used_bytes", "In use by malloc", "malloc"),
    "threads": Metric("threads", "Threads", "threads", True),
    "files": Metric("open_files", "Open files", "files", True),
}


@dataclass(frozen=True)
class Choice:
    """What somebody chose to see of a service.

    Attributes:
        window: span of time, by its name in `WINDOWS`.
        worker: one worker slot as `host/slot`; empty for all.
        release: one release; empty for all.
        metric: of `METRICS`, what the first chart shows.
        top: how many sites have a line.
        site: the store's id of one site to look at; None for those that grew most.
        per: of `PER`; each worker has a line of its own, or all together.
        x: of `ACROSS`; a chart runs along time, or along each generation's age.
    """

    window: str = DEFAULT_WINDOW
    worker: str = ""
    release: str = ""
    metric: str = "rss"
    top: int = 5
    site: int | None = None
    per: str = "all"
    x: str = "time"

    def query(self, **changes: Any) -> dict[str, str]:
        """The part of an address that asks for this, with some changed; what is as always is left out."""
        chosen = replace(self, **changes)
        given = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
        always = {field.name: field.default for field in fields(chosen)}
        return {name: str(value) for name, value in given.items() if value != always[name]}
