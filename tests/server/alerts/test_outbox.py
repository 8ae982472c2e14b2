"""The outbox stands and falls with its caller's transaction."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from sqlite_utils import Database

from heaptide_server.alerts import tables
from heaptide_server.alerts.sample import Announcement
from heaptide_server.store.connections import connect


def test_migrating_twice_changes_nothing(path):
    with connect(path) as db:
        before = db.schema
        tables.migrate(db)
        assert db.schema == before


def test_a_rolled_back_transaction_leaves_no_alert_and_a_committed_one_does(path, courier, leak):
    with connect(path) as db:
        db.execute("CREATE TABLE ledger (id TEXT)")
        for end in ("ROLLBACK", "COMMIT"):
            db.conn.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO ledger VALUES ('f00d')")
            courier.enqueue(db, [Announcement("leak.firing", leak)], 0.0)
            assert db.conn.in_transaction
            db.conn.execute(end)
        assert db.execute("SELECT count(*) FROM ledger").fetchone()[0] == 1
    assert len(courier.recent()) == 1


def test_enqueue_joins_a_transaction_that_the_driver_began(path, courier, leak):
    with Database(sqlite3.connect(path)) as db:
        db.conn.execute("CREATE TABLE ledger (id TEXT)")
        db.conn.execute("INSERT INTO ledger VALUES ('f00d')")
        courier.enqueue(db, [Announcement("leak.firing", leak)], 0.0)
        db.conn.rollback()
    assert courier.recent() == []


def test_enqueue_outside_a_transaction_is_refused(path, courier, leak):
    with connect(path) as db, pytest.raises(RuntimeError, match="inside the transaction"):
        courier.enqueue(db, [Announcement("leak.firing", leak)], 0.0)
    assert courier.recent() == []


def test_no_notices_need_no_transaction(path, courier):
    with connect(path) as db:
        courier.enqueue(db, [], 0.0)


def test_each_target_has_its_own_row_and_webhook_id(courier_to, target, leak, tell):
    second = type(target)("second", target.url, target.secrets, "slack", target.policy)
    courier = courier_to(target, second)
    tell(courier, leak, "leak.firing", now=0.0)
    rows = courier.recent()
    assert [row.target for row in rows] == ["second", "webhook"]
    assert len({row.webhook_id for row in rows}) == 2
    assert all("." not in row.webhook_id for row in rows)


def test_recent_is_newest_first_and_bounded(courier, leak, tell):
    tell(courier, leak, *["leak.test"] * 5, now=0.0)
    assert [row.id for row in courier.recent(3)] == [5, 4, 3]


def test_recording_waits_for_another_writer(path, courier, leak, tell, receiver):
    tell(courier, leak, "leak.firing", now=0.0)
    with connect(path) as db:
        db.conn.execute("BEGIN IMMEDIATE")
        results = []
        thread = threading.Thread(target=lambda: results.append(courier.deliver_due(0.0)))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        db.conn.execute("COMMIT")
        thread.join(10)
    assert results == [1]
