"""How much of everything there is, for the page about the collector itself."""

from __future__ import annotations

import math
import sqlite3

from heaptide_server.model import Kept, StoreContents
from heaptide_server.store.cover import DAY, FIVE_MINUTES, HOUR
from heaptide_server.store.retention import Retention

_WIDTHS = {FIVE_MINUTES: "sums of 5 minutes", HOUR: "sums of an hour", DAY: "sums of a day"}


def contents(connection: sqlite3.Connection, retention: Retention) -> StoreContents:
    """Rows and ages of what is kept, and the buckets that are still to be made.

    The bucket that is open now is no arrears: only those count whose end has passed when the newest report came.
    """
    newest = connection.execute("SELECT max(last_seen) FROM workers").fetchone()[0] or -math.inf
    waiting = connection.execute(
        "SELECT count(*), min(start) FROM touched WHERE start + width_s <= ?", [newest]
    ).fetchone()
    return StoreContents([_reports(connection, retention), *_rollups(connection, retention)], *waiting)


def _reports(connection: sqlite3.Connection, retention: Retention) -> Kept:
    # The ids are given one after the other, so that a million rows needn't be counted.
    first, last = connection.execute("SELECT (SELECT min(id) FROM entries), (SELECT max(id) FROM entries)").fetchone()
    oldest = connection.execute("SELECT at FROM entries WHERE id = ?", [first]).fetchone()
    return Kept("reports", 0 if first is None else last - first + 1, retention.raw_s, oldest[0] if oldest else None)


def _rollups(connection: sqlite3.Connection, retention: Retention) -> list[Kept]:
    lasts = {FIVE_MINUTES: retention.five_minutes_s, HOUR: retention.hours_s, DAY: retention.days_s}
    sql = "SELECT sum(workers), min(start) FROM fleet WHERE width_s = ?"
    found = {width: connection.execute(sql, [width]).fetchone() for width in _WIDTHS}
    return [Kept(name, found[width][0] or 0, lasts[width], found[width][1]) for width, name in _WIDTHS.items()]
