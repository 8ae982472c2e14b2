"""Sums over a whole service: the same whether they come from reports, from buckets, or from both."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from sqlite_utils import Database

from heaptide.wire import pack
from heaptide_server.model import Columns
from heaptide_server.store import batch, packed
from heaptide_server.store import migrations as schema
from heaptide_server.store.connections import connect
from heaptide_server.store.sqlite import SqliteStore

HOUR = 3600.0


@pytest.fixture
def fleet(half_hourly):
    """Two releases of three workers; line 3 leaks in release 2 alone."""
    return half_hourly(
        lambda worker, _n, step, at: worker.report(
            {1: 64 * (-1) ** step, 3: 640 if worker.release == "2" else 0}, at, requests=5
        )
    )


def net(told):
    return {site: one.net_bytes for site, one in told.sites.items() if one.net_bytes}


def lines(store, told):
    sites = store.sites(told.sites)
    return {sites[site].top.line: one for site, one in told.sites.items()}


def test_growth_is_the_same_from_reports_and_from_buckets(store, fleet):
    begin, end = fleet
    windows = [(begin + since, end - until) for since in (0, 450, 7200, 40_000) for until in (0, 300, 5000)]
    raw = [store.turnover("shop", None, *window) for window in windows]
    top = [store.top_growth("shop", None, *window, 10) for window in windows]
    series = [store.growth_series("shop", None, [1, 2], *window, 7).values.tolist() for window in windows]
    assert store.rollup(end + 1) > 0
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT count(DISTINCT width_s) FROM fleet").fetchone()[0] == 3
    for window, before in zip(windows, raw, strict=True):
        after = store.turnover("shop", None, *window)
        assert net(after) == net(before)
        assert (after.worker_s, after.requests) == (before.worker_s, before.requests)
    assert [store.top_growth("shop", None, *window, 10) for window in windows] == top
    for window, before in zip(windows, series, strict=True):
        after = store.growth_series("shop", None, [1, 2], *window, 7).values
        assert after.sum(axis=1).tolist() == np.array(before).sum(axis=1).tolist()


def test_resident_sets_are_the_same_from_workers_and_from_sums(store, fleet):
    begin, end = fleet
    windows = [(begin, end + 1, 5), (begin + 7200, end + 1, 30), (begin, end + 1, 1)]
    raw = [store.vitals_series("shop", None, "rss_bytes", *window) for window in windows]
    store.rollup(end + 1)
    for window, before in zip(windows, raw, strict=True):
        after = store.vitals_series("shop", None, "rss_bytes", *window)
        assert [worker.id for worker in after.rows] == [worker.id for worker in before.rows]
        assert np.nanmean(after.values, axis=1).tolist() == np.nanmean(before.values, axis=1).tolist() == [1e8] * 3


def test_what_came_less_what_went_is_what_stayed(store, fleet):
    told = lines(store, store.turnover("shop", "production", *fleet))
    assert told[3].new_bytes == told[3].net_bytes > 0
    assert told[1].new_bytes > 0
    assert all(one.new_bytes - one.freed_bytes == one.net_bytes for one in told.values())


def test_where_a_tracer_counts_allocations_all_of_them_came(store, sender, start):
    worker = sender()
    worker.acknowledged = store.append([worker.report({1: 0}, start)], start)[0].acknowledged
    report = worker.report({1: 64}, start + 30)
    changed = pack([0], {"bytes": [64], "allocated_bytes": [1000]})
    store.append([type(report)(**{**vars(report), "site_changes": changed})], start + 30)
    (one,) = store.turnover("shop", None, start - 60, start + 60).sites.values()
    assert (one.new_bytes, one.freed_bytes, one.net_bytes) == (1000, 936, 64)


@pytest.mark.parametrize("rolled", [False, True])
def test_one_release_is_told_from_the_other(store, fleet, rolled):
    begin, end = fleet
    if rolled:
        store.rollup(end + 1)
    of = {name: lines(store, store.turnover("shop", None, begin, end, [name])) for name in ("1", "2")}
    assert of["1"][3].net_bytes == 0 if 3 in of["1"] else True
    assert of["2"][3].net_bytes == 59 * 640
    assert store.turnover("shop", None, begin, end, ["3"]).sites == {}


@pytest.mark.parametrize("rolled", [False, True])
def test_a_sites_growth_by_release_counts_each_change_once(store, fleet, rolled):
    begin, end = fleet
    if rolled:
        store.rollup(end + 1)
    leaking = next(row.site.id for row in store.top_growth("shop", None, begin, end, 9) if row.site.top.line == 3)
    told = {one.seen.release: one for one in store.site_by_release("shop", leaking, begin, end)}
    assert told["2"].growth_bytes == 59 * 640
    assert told["1"].growth_bytes == 0
    assert told["1"].worker_s == 2 * told["2"].worker_s > 0
    assert [one.release for one in store.releases("shop", "production", begin)] in (["1", "2"], ["2", "1"])
    assert store.releases("nobody", None, 0) == []


@pytest.mark.parametrize("rolled", [False, True])
def test_a_sites_growth_by_life_is_each_workers_own(store, fleet, rolled):
    begin, end = fleet
    if rolled:
        store.rollup(end + 1)
    leaking = next(row.site.id for row in store.top_growth("shop", None, begin, end, 9) if row.site.top.line == 3)
    by_key = {worker.identity.key: worker.id for worker in store.workers("shop", None, begin)}
    told = store.site_by_life(list(by_key.values()), leaking, begin, end)
    assert told[by_key[f"{2:032x}"]].growth_bytes == 59 * 640
    assert told[by_key[f"{0:032x}"]].growth_bytes == 0
    assert told[by_key[f"{0:032x}"]].requests == 59 * 5


def test_sums_past_their_time_go(store, fleet):
    _, end = fleet
    store.rollup(end + 1)
    store.expire(end + 800 * 86400)
    with sqlite3.connect(store.path) as db:
        assert db.execute("SELECT count(*) FROM fleet").fetchone()[0] == 0


def test_a_file_from_before_there_were_sums_gets_them(tmp_path, sender, start):
    path = tmp_path / "old.db"
    store = SqliteStore(path)
    store.migrate()
    worker = sender()
    for step in range(30):
        at = start + step * 300
        worker.acknowledged = store.append([worker.report({1: 100}, at)], at)[0].acknowledged
    store.rollup(start + 30 * 300)
    told = store.turnover("shop", None, start, start + 9000)
    store.close()
    with closing(connect(path).conn) as connection:
        for name in ("fleet", "totals_by_site", "workers_by_service"):
            connection.execute(f"DROP {'TABLE' if name == 'fleet' else 'INDEX'} {name}")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'fleet'")
        schema.migrations.apply(Database(connection))
    again = SqliteStore(path)
    assert again.turnover("shop", None, start, start + 9000) == told
    assert len(told.sites) == 1
    again.close()


def test_the_store_tells_what_it_holds_and_what_is_still_to_be_summed_up(store, fleet):
    _, end = fleet
    before = store.contents()
    assert before.waiting > 100
    assert before.waiting_since is not None
    store.rollup(end)
    after = store.contents()
    assert after.waiting == 0
    assert after.kept[0].rows >= 60 * 3
    assert [one.rows > 0 for one in after.kept] == [True] * 4
    assert [worker.identity.pid for worker in store.living("shop", "production")] == [0, 1, 2]


def test_rows_decoded_together_are_those_decoded_alone():
    draw = np.random.default_rng(7)
    blobs = [packed.encode(packed.EMPTY)]
    for rows in (1, 2, 40, 300):
        ids = np.sort(draw.choice(2000, rows, replace=False)).astype(np.int64)
        names = ["bytes", "blocks", "survivor_bytes"][: 1 + rows % 3]
        blobs.append(packed.encode(Columns(ids, {name: draw.integers(-(2**60), 2**60, rows) for name in names})))
    blobs.append(pack([0], {}))
    for together, alone in zip(batch.decode(blobs), map(packed.decode, blobs), strict=True):
        assert together.ids.tolist() == alone.ids.tolist()
        assert {name: column.tolist() for name, column in together.values.items()} == {
            name: column.tolist() for name, column in alone.values.items()
        }
