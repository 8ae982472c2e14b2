"""Hourly totals of a service per site and release: plain rows that a person can read without Heaptide."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np

from heaptide_server.model import Ints
from heaptide_server.store import packed, records
from heaptide_server.store.cover import HOUR
from heaptide_server.store.known import Known, load, number_ids
from heaptide_server.store.roster import Roster


class SiteSums:
    """Sums per site of the store, filled from rows in workers' own numbers."""

    def __init__(self) -> None:
        self._ids: list[Ints] = []
        self._values: list[Ints] = []

    def add(self, site_ids: Ints, values: Ints) -> None:
        """Adds a value to each of these sites; a site may come more than once."""
        self._ids.append(site_ids)
        self._values.append(values)

    def sums(self) -> dict[int, int]:
        """Sum by site, zeros left out."""
        if not self._ids:
            return {}
        ids = np.concatenate(self._ids)
        # By id, because sorting them takes longer: the store counts its sites from 1.
        sums = np.zeros(int(ids.max(initial=0)) + 1, np.int64)
        np.add.at(sums, ids, np.concatenate(self._values))
        told = np.flatnonzero(sums)
        return dict(zip(told.tolist(), sums[told].tolist(), strict=True))


def make(roster: Roster, buckets: Iterable[sqlite3.Row]) -> None:
    """Makes anew the totals of the hours and services that these workers' hourly buckets belong to."""
    hours: dict[float, set[int]] = {}
    for bucket in buckets:
        hours.setdefault(bucket["start"], set()).add(bucket["worker_id"])
    for hour, workers in hours.items():
        sql = f"SELECT DISTINCT service, environment FROM workers WHERE id IN ({records.AMONG})"  # noqa: S608
        for row in roster.connection.execute(sql, [records.listed(workers)]).fetchall():
            _make(roster, hour, row["service"], row["environment"])


def _make(roster: Roster, hour: float, service: str, environment: str) -> None:
    connection = roster.connection
    connection.execute(
        "DELETE FROM totals WHERE hour = ? AND service = ? AND environment = ?", [hour, service, environment]
    )
    rows = connection.execute(
        "SELECT release, worker_id, rollups.requests AS requests, sites "
        "FROM rollups CROSS JOIN workers ON workers.id = worker_id "
        "WHERE width_s = ? AND start = ? AND service = ? AND environment = ? ORDER BY worker_id",
        [HOUR, hour, service, environment],
    ).fetchall()
    for release in dict.fromkeys(row["release"] for row in rows):
        told = [row for row in rows if row["release"] == release]
        growth_bytes, growth_blocks = _growth(connection, told)
        live = _live_at(roster, service, environment, release, hour + HOUR)
        requests = sum(row["requests"] for row in told)
        connection.executemany(
            "INSERT INTO totals (hour, service, environment, release, site_id, growth_bytes, growth_blocks, "
            "live_bytes, requests) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(hour, service, environment, release, site),
                    *(growth_bytes.get(site, 0), growth_blocks.get(site, 0), live.get(site, 0), requests),
                )
                for site in sorted(growth_bytes.keys() | growth_blocks.keys())
            ],
        )


def _growth(connection: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> tuple[dict[int, int], dict[int, int]]:
    in_bytes, in_blocks = SiteSums(), SiteSums()
    for row in rows:
        site_ids = number_ids(connection, row["worker_id"], "site")
        growth = packed.decode(row["sites"])
        for sums, name in ((in_bytes, "bytes"), (in_blocks, "blocks")):
            if name in growth.values:
                sums.add(site_ids[growth.ids], growth.values[name])
    return in_bytes.sums(), in_blocks.sums()


def _live_at(roster: Roster, service: str, environment: str, release: str | None, at: float) -> dict[int, int]:
    live = SiteSums()
    # `+`: those that lived then are found by their end, not among all lives that the service ever had.
    rows = roster.connection.execute(
        "SELECT id, key FROM workers WHERE +service = ? AND environment = ? AND release IS ? AND +first_seen < ? "
        "AND (ended_at IS NULL OR ended_at >= ?) AND acknowledged > 0",
        [service, environment, release, at, at],
    ).fetchall()
    for row in rows:
        known = roster.find(row["key"])
        known = known if known and known.id == row["id"] else load(roster.connection, row["id"])
        values = _bytes_at(roster.connection, known, at)
        live.add(known.site_ids[: len(values)], values)
    return live.sums()


def _bytes_at(connection: sqlite3.Connection, known: Known, at: float) -> Ints:
    """A worker's live bytes at a time within what is kept raw: its levels now, minus what came after."""
    later = connection.execute("SELECT sites FROM entries WHERE worker_id = ? AND at >= ?", [known.id, at]).fetchall()
    levels = known.sites.before(packed.total(packed.decode(row["sites"]) for row in later))
    return levels.values.get("bytes", np.zeros(levels.count, np.int64))
