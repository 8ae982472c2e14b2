from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heaptide_server.store.protocol import StoreUnavailable
from heaptide_server.store.sqlite import SqliteStore

HOUR = 3600.0


def live_levels(store):
    return {
        known.id: {name: column.tolist() for name, column in known.sites.values.items()}
        for known in store._writer.live.values()
    }


def reopened(store):
    store.close()
    again = SqliteStore(store.path)
    again.migrate()
    return again


@given(
    changes=st.lists(st.dictionaries(st.integers(1, 6), st.integers(-5000, 5000), max_size=4), min_size=1, max_size=12),
    checkpoints=st.sets(st.integers(0, 12)),
)
@settings(max_examples=15, deadline=None)
def test_levels_read_back_are_the_levels_that_were_held(tmp_path_factory, sender, start, changes, checkpoints):
    store = SqliteStore(tmp_path_factory.mktemp("store") / "heaptide.db")
    store.migrate()
    worker = sender()
    for number, change in enumerate(changes):
        at = start + number * 1000
        worker.acknowledged = store.append([worker.report(change, at)], at)[0].acknowledged
        if number in checkpoints:
            store.rollup(at)
    held = live_levels(store)
    store = reopened(store)
    assert live_levels(store) == held
    (levels,) = held.values()
    told = {line: level for line, level in zip(worker.lines, levels["bytes"], strict=True) if level}
    assert told == {line: level for line, level in worker.levels.items() if level}
    store.close()


def test_levels_are_exact_after_expiry_and_a_new_start(store, sender, send, start):
    worker = sender(interval_s=HOUR)
    for hour in range(60):
        send(worker, {hour % 7: 100 + hour}, start + hour * HOUR)
        store.rollup(start + hour * HOUR)
        store.expire(start + hour * HOUR)
    held = live_levels(store)
    again = reopened(store)
    assert live_levels(again) == held
    again.close()


def test_a_worker_whose_levels_are_gone_has_to_begin_anew(store, sender, send, start):
    worker = sender()
    send(worker, {1: 100}, start, final=True)
    send(sender(key="b" * 32), {1: 1}, start)
    store.rollup(start + 30 * HOUR)
    assert store.expire(start + 30 * HOUR) > 0
    assert send(worker, {1: 5}, start + 30 * HOUR) == "gap"
    assert worker.acknowledged == 0
    assert send(worker, {1: 5}, start + 30 * HOUR) == "accepted"


def test_recycling_does_not_hide_growth_nor_add_to_it(store, sender, send, start):
    for life in range(10):
        at = start + life * 100
        worker = sender(key=f"{life:032x}", started_at=at)
        send(worker, {1: 10_000}, at)
        send(worker, {1: 500}, at + 30)
        send(worker, {1: 500}, at + 60, final=True)
    store.rollup(start + HOUR)
    (row,) = store.top_growth("shop", None, start, start + HOUR, 5)
    assert (row.growth_bytes, row.live_bytes) == (10 * 1000, 0)
    assert [worker.generation for worker in store.workers("shop", None, start)] == list(range(1, 11))


def test_hourly_totals_are_rows_that_a_person_can_read(store, sender, send, start):
    worker, ended = sender(key="a" * 32), sender(key="b" * 32, release="0.9")
    send(worker, {1: 1000}, start)
    send(ended, {1: 70}, start)
    send(ended, {1: 64}, start + 5, final=True)
    send(worker, {1: 640}, start + 60, requests=25)
    send(worker, {1: 99}, start + HOUR + 1)
    store.rollup(start + HOUR + 2)
    with sqlite3.connect(store.path) as connection:
        rows = connection.execute("SELECT * FROM hourly_totals ORDER BY release").fetchall()
    connection.close()
    assert rows == [
        ("2027-01-15 08:00:00", "shop", "production", "0.9", "shop/app.py:1 remember", 64, 1, 0, 10),
        ("2027-01-15 08:00:00", "shop", "production", "1.0", "shop/app.py:1 remember", 640, 10, 1640, 25),
    ]


def test_a_full_disk_refuses_reports_and_forgets_none_of_the_old(store, sender, send, start):
    worker = sender()
    send(worker, {1: 1000}, start)
    held = live_levels(store)
    pages = store._writer._db.conn.execute("PRAGMA page_count").fetchone()[0]
    store._writer._db.conn.execute(f"PRAGMA max_page_count = {pages}")
    large = worker.report(dict.fromkeys(range(2, 3000), 64), start + 30)
    with pytest.raises(StoreUnavailable, match="full"):
        store.append([large], start + 30)
    assert live_levels(store) == held
    store._writer._db.conn.execute("PRAGMA max_page_count = 1000000")
    assert store.append([large], start + 31)[0].outcome == "accepted"


def test_a_closed_store_says_so(store, sender, start):
    store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        store.append([sender().report({1: 1}, start)], start)


def test_workers_of_many_threads_are_counted_once_each(store, sender, start):
    def run(number):
        worker = sender(key=f"{number:032x}")
        for step in range(10):
            (receipt,) = store.append([worker.report({1: 64}, start + step)], start + step)
            worker.acknowledged = receipt.acknowledged

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(16)))
    (row,) = store.top_growth("shop", None, start, start + 60, 5)
    assert (row.growth_bytes, row.live_bytes) == (16 * 9 * 64, 16 * 10 * 64)


def test_time_when_nobody_listened_is_no_missing_heartbeat(tmp_path, sender, start):
    store = SqliteStore(tmp_path / "heaptide.db", opened_at=start + 1000)
    store.migrate()
    store.append([sender(interval_s=10).report({1: 1}, start)], start)
    assert store.reap(start + 1020) == []
    assert len(store.reap(start + 1031)) == 1
    store.close()
