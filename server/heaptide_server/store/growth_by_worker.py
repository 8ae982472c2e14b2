"""Growth per site and worker: what repeats in each generation, and what one worker does alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from heaptide_server.model import Floats, Series
from heaptide_server.store import fleet, packed
from heaptide_server.store.cover import Extent
from heaptide_server.store.growth import Question, bucket_of, bucket_starts, changes
from heaptide_server.store.known import Maps


def growth_by_worker(
    connection: sqlite3.Connection, question: Question, there: Extent, site_ids: Sequence[int], buckets: int
) -> Series:
    """Growth in bytes per bucket; rows are pairs of a worker and a site's id, by worker, then in the order of sites."""
    width_s = (question.until - question.since) / buckets
    grown: dict[tuple[int, int], Floats] = {}
    maps = Maps(connection)
    for row in changes(connection, question, there, width_s):
        changed = packed.decode(row["sites"])
        sites = maps.of(row["worker_id"])[changed.ids]
        where = np.flatnonzero(np.isin(sites, list(site_ids)))
        if "bytes" in changed.values and len(where):
            bucket = bucket_of(row["at"], question.since, width_s, buckets)
            for site, change in zip(sites[where], changed.values["bytes"][where], strict=True):
                key = row["worker_id"], int(site)
                grown.setdefault(key, np.zeros(buckets))[bucket] += change
    keys = [
        (worker, site)
        for worker in fleet.workers(connection, question)
        for site in site_ids
        if (worker.id, site) in grown
    ]
    values = np.array([grown[worker.id, site] for worker, site in keys]).reshape(len(keys), buckets)
    return Series(bucket_starts(question.since, width_s, buckets), width_s, list(keys), values)
