"""The outbox stands and falls with its caller's transaction."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace

import pytest
from sqlite_utils import Database

from heaptide_server.alerts import history, tables
from heaptide_server.alerts.delivery import Courier
from heaptide_server.alerts.sample import Announcement
from heaptide_server.store.connections import connect, transaction


def test_migrating_twice_changes_nothing(path):
    with connect(path) as db:
        before = db.schema
        tables.migrate(db)
        assert db.schema == before


def test_what_an_older_version_left_waiting_is_sent_as_it_was_and_before_what_came_since(
    tmp_path, courier_to, target, receiver, leak
):
    path = tmp_path / "old.db"
    with connect(path) as db:
        tables.migrations.apply(db, stop_before="several_leaks_a_delivery")
        db.execute(
            "INSERT INTO alert_deliveries (webhook_id, target, leak_id, type, body, status, created, next_attempt) "
            "VALUES ('msg_old', ?, ?, 'leak.firing', '{\"old\":1}', 'pending', 0, 50)",
            [target.name, leak.id],
        )
        tables.migrate(db)
        courier = Courier(path, [target], "http://collector.example", lambda leak: {"id": leak.id})
        with transaction(db):
            courier.enqueue(db, [Announcement("leak.resolved", leak)], 0.0)
        assert [mention.leak_id for entry in history.log(db, 9) for mention in entry.leaks] == [leak.id, leak.id]
    assert courier.deliver_due(0.0) == 0
    assert courier.deliver_due(50.0) == 2
    assert receiver.arrivals[0].body == b'{"old":1}'
    assert receiver.arrivals[0].headers["webhook-id"] == "msg_old"


def test_old_deliveries_are_dropped_but_none_that_is_still_to_be_sent(path, courier, leak, tell, receiver):
    for at in (0.0, 10.0, 20.0):
        tell(courier, replace(leak, id=str(at)), "leak.firing", now=at)
        if at < 20:
            courier.deliver_due(at)
    receiver.will(receiver.answer(500))
    tell(courier, leak, "leak.firing", now=5.0)
    courier.deliver_due(5.0)
    with connect(path) as db:
        assert history.expire(db, 15.0) == 2
        assert db.execute("SELECT count(*) FROM alert_notices").fetchone()[0] == 2
    assert [row.status for row in courier.recent()] == ["pending", "pending"]


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
