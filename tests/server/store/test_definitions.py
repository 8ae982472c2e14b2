"""Sites and types go when the last worker that could refer to them has gone, and never before."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlite_utils import Database

from heaptide_server.store import migrations as schema
from heaptide_server.store.connections import connect
from heaptide_server.store.retention import Retention
from heaptide_server.store.sqlite import SqliteStore

DAY = 86400.0


@pytest.fixture
def brief(tmp_path):
    """A store that forgets a worker a week after its end."""
    store = SqliteStore(tmp_path / "brief.db", Retention(DAY, DAY, 2 * DAY, 7 * DAY))
    store.migrate()
    yield store
    store.close()


def send(store, worker, changes, at, **options):
    worker.acknowledged = store.append([worker.report(changes, at, **options)], at)[0].acknowledged


def keep_house(store, now):
    store.rollup(now)
    store.expire(now)


def lines(store):
    with closing(sqlite3.connect(store.path)) as db:
        return {int(name.split(":")[1].split()[0]) for (name,) in db.execute("SELECT name FROM sites")}


def types(store):
    with closing(sqlite3.connect(store.path)) as db:
        return [name for (name,) in db.execute("SELECT name FROM types")]


def test_what_only_dropped_workers_defined_goes_and_the_rest_stays(brief, sender, start):
    first, second = sender(key="a" * 32, pid=1), sender(key="b" * 32, pid=2)
    send(brief, first, {1: 100, 2: 100}, start)
    send(brief, first, {1: 7}, start + 60, final=True)
    send(brief, second, {2: 100, 3: 100}, start + 3 * DAY)
    send(brief, second, {2: 9, 3: 5}, start + 3 * DAY + 60, final=True)
    for day in range(1, 8):
        keep_house(brief, start + day * DAY)
    assert lines(brief) == {1, 2, 3}  # the first worker is still known
    keep_house(brief, start + 9 * DAY)
    assert lines(brief) == {2, 3}
    grown = brief.top_growth("shop", None, start + 2 * DAY, start + 9 * DAY, 9)
    assert [(row.site.top.line, row.growth_bytes) for row in grown] == [(2, 9), (3, 5)]
    assert types(brief) == ["dict"]


def test_a_worker_that_lives_on_keeps_what_it_defined_at_its_start(brief, sender, start):
    old, other = sender(key="a" * 32, pid=1), sender(key="b" * 32, pid=2)
    send(brief, old, {1: 100}, start)
    send(brief, other, {2: 100}, start + 60, final=True)
    for day in range(1, 30):
        send(brief, old, {}, start + day * DAY)
        keep_house(brief, start + day * DAY + 60)
    send(brief, old, {1: 9}, start + 30 * DAY)
    grown = brief.top_growth("shop", None, start + 29 * DAY, start + 30 * DAY + 60, 9)
    assert [(row.site.top.line, row.growth_bytes) for row in grown] == [(1, 9)]


def test_a_clock_that_was_ahead_and_is_set_back_drops_nothing_that_is_referred_to(brief, sender, start):
    worker = sender()
    send(brief, worker, {1: 100}, start + 5 * DAY)
    send(brief, worker, {1: 1, 2: 50}, start)
    keep_house(brief, start + 5 * DAY + 30)
    assert lines(brief) == {1, 2}


def test_sums_that_are_kept_for_longer_than_workers_are_told_still(tmp_path, sender, start):
    store = SqliteStore(tmp_path / "hours.db", Retention(DAY, 20 * DAY, 20 * DAY, 7 * DAY))
    store.migrate()
    worker = sender()
    send(store, worker, {1: 100, 2: 100}, start)
    send(store, worker, {1: 64, 2: 64}, start + 60)
    send(store, worker, {2: -64}, start + 600, final=True)
    send(store, sender(key="b" * 32, pid=2), {3: 1}, start + 18 * DAY)
    keep_house(store, start + 2 * DAY)
    keep_house(store, start + 18 * DAY)
    assert [worker.identity.pid for worker in store.workers("shop", None, start)] == [2]
    assert lines(store) == {1, 3}  # in the totals of an hour the other one's growth is nothing
    (grown,) = store.top_growth("shop", None, start, start + 300, 9)
    assert (grown.site.top.line, grown.growth_bytes) == (1, 64)
    assert store.top_types("shop", None, start, start + 300, 9)[0].growth_count == 1
    store.close()


def test_an_older_file_keeps_what_is_referred_to_and_drops_the_rest_in_time(brief, sender, start):
    first, second = sender(key="a" * 32, pid=1), sender(key="b" * 32, pid=2)
    send(brief, first, {1: 100}, start, final=True)
    send(brief, second, {2: 100}, start + 60)
    brief.close()
    with closing(connect(brief.path).conn) as connection:
        for table in ("sites", "types"):
            connection.execute(f"DROP INDEX {table}_by_age")
            connection.execute(f"ALTER TABLE {table} DROP COLUMN defined_at")
        connection.execute("DROP INDEX workers_by_end")
        connection.execute("DROP INDEX workers_by_age")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'ages'")
        schema.migrations.apply(Database(connection))
    again = SqliteStore(brief.path, brief._retention, opened_at=start + 60)
    again.migrate()
    send(again, second, {2: 9}, start + 2 * DAY, final=True)
    third = sender(key="c" * 32, pid=3)
    send(again, third, {3: 1}, start + 5 * DAY)
    for day in range(5, 12):
        send(again, third, {}, start + day * DAY)
        keep_house(again, start + day * DAY)
        assert lines(again) == ({1, 2, 3} if day < 10 else {3})
    again.close()


def test_what_an_older_collector_wrote_without_a_time_stays_until_it_is_defined_anew(brief, sender, start):
    send(brief, sender(key="a" * 32, pid=1), {1: 100, 2: 100}, start, final=True)
    with closing(connect(brief.path).conn) as connection:
        connection.execute("UPDATE sites SET defined_at = NULL")
    send(brief, sender(key="b" * 32, pid=2), {1: 100}, start + 60, final=True)
    send(brief, sender(key="c" * 32, pid=3), {3: 100}, start + 9 * DAY)
    for day in (2, 9, 10):
        keep_house(brief, start + day * DAY)
    assert lines(brief) == {2, 3}


def test_an_id_is_never_given_away_again_for_leaks_remember_theirs(brief, sender, start):
    send(brief, sender(key="a" * 32, pid=1), {1: 100, 2: 100}, start, final=True)
    late = sender(key="b" * 32, pid=2)
    send(brief, late, {}, start + 9 * DAY)
    keep_house(brief, start + 10 * DAY)
    send(brief, late, {3: 1}, start + 10 * DAY + 60)
    keep_house(brief, start + 10 * DAY + 120)
    with closing(sqlite3.connect(brief.path)) as db:
        ids = {int(name.split(":")[1].split()[0]): number for number, name in db.execute("SELECT id, name FROM sites")}
    assert ids == {3: 3}
