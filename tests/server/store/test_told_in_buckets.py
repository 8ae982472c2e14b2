"""What workers told in closed buckets reads the same as from their own reports, and is there in older files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from sqlite_utils import Database

from heaptide.wire import pack
from heaptide_server.model import Only
from heaptide_server.store import migrations as schema
from heaptide_server.store.connections import connect
from heaptide_server.store.sqlite import SqliteStore

VITALS = ("rss_bytes", "threads", "malloc_free_bytes", "garbage_bytes")


@pytest.fixture
def fleet(half_hourly):
    """Three workers, each with a type of its own; only one knows what malloc keeps free."""

    def told(worker, n, step, at):
        vitals = {"threads": 4.0 + n} | ({"malloc_free_bytes": 100.0 * step} if n == 1 else {})
        report = worker.report({1: 64, 2: 10 * n}, at, requests=5, vitals=vitals)
        types = ["dict", f"T{n}"] if step == 0 else []
        changes = pack([0, 1], {"count": [10, n]})
        return replace(report, first_type=0 if step == 0 else 2, new_types=types, type_changes=changes)

    return half_hourly(told)


def everything(store, begin, end, only=None):
    """Vitals, what tracers knew, and types, over all of the time."""
    vitals, traced = store.part_series("shop", None, VITALS, begin, end, 1, only)
    types = store.top_types("shop", None, begin, end, 9, only)
    return {name: series.values.tolist() for name, series in vitals.items()}, traced.values.tolist(), types


@pytest.mark.parametrize("only", [None, Only(release="1"), Only("web-1", 1), Only("web-1", 2, "1")])
def test_buckets_tell_what_reports_told(store, fleet, only):
    raw = everything(store, *fleet, only)
    store.rollup(fleet[1] + 1)
    rolled = everything(store, *fleet, only)
    assert rolled[1:] == raw[1:]
    for name in VITALS:
        assert np.allclose(rolled[0][name], raw[0][name], equal_nan=True)
    assert raw[2][0].growth_count == 59 * 10 * len(raw[0]["threads"])


def test_several_series_together_are_those_asked_for_alone(store, fleet):
    begin, end = fleet
    store.rollup(end + 1)
    vitals, traced = store.part_series("shop", "production", VITALS, begin, end, 7)
    assert set(vitals) == set(VITALS)
    for name, series in vitals.items():
        alone = store.vitals_series("shop", "production", name, begin, end, 7)
        assert np.array_equal(series.values, alone.values, equal_nan=True)
    alone = store.traced_series("shop", "production", begin, end, 7)
    assert np.array_equal(traced.values, alone.values, equal_nan=True)


def test_a_bucket_that_is_made_again_is_not_counted_twice(store, fleet):
    begin, end = fleet
    store.rollup(end + 1)
    with sqlite3.connect(store.path) as db:
        db.execute("INSERT INTO touched SELECT width_s, start, worker_id FROM rollups WHERE width_s = 300")
        before = db.execute("SELECT count(*) FROM fleet_vitals").fetchone()
    told = everything(store, begin, end)
    store.rollup(end + 1)
    assert repr(everything(store, begin, end)) == repr(told)  # NaN is no equal of itself
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT count(*) FROM fleet_vitals").fetchone() == before


def test_what_is_past_its_time_goes(store, fleet):
    _, end = fleet
    store.rollup(end + 1)
    store.expire(end + 800 * 86400)
    with sqlite3.connect(store.path) as db:
        assert db.execute(
            "SELECT (SELECT count(*) FROM fleet_vitals) + (SELECT count(*) FROM fleet_types)"
        ).fetchone() == (0,)


def test_a_file_from_before_there_were_such_rows_gets_them(store, fleet):
    begin, end = fleet
    store.rollup(end + 1)
    told = everything(store, begin, end)
    store.close()
    with closing(connect(store.path).conn) as connection:
        for table in ("fleet_vitals", "fleet_types"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DROP INDEX fleet_by_width")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'told'")
        schema.migrations.apply(Database(connection))
    again = SqliteStore(store.path)
    again.migrate()
    assert repr(everything(again, begin, end)) == repr(told)
    again.close()
