from __future__ import annotations

from contextlib import closing

from sqlite_utils import Database

from heaptide_server.store import migrations as schema
from heaptide_server.store.connections import connect
from heaptide_server.store.sqlite import SqliteStore


def test_a_trace_request_of_an_older_file_holds_on_with_its_number(tmp_path, sender, start):
    path = tmp_path / "old.db"
    with closing(connect(path).conn) as connection:
        db = Database(connection)
        schema.migrations.apply(db, stop_before="second")
        db.execute("INSERT INTO trace_requests (id, at, service, sample_bytes) VALUES (41, ?, 'shop', 0)", [start])
        assert "requests" not in db.table_names()
    store = SqliteStore(path)
    store.migrate()
    worker = sender()
    store.append([worker.report({1: 1}, start)], start)
    assert store.requests_for(worker.key) == [{"id": "41", "kind": "trace", "sample_bytes": 0}]
    assert int(store.request_trace("shop", None, start)) > 41
    store.close()
