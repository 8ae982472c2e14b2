"""The newest facts of each worker."""

from __future__ import annotations

from heaptide_server.store.retention import Retention
from heaptide_server.store.sqlite import SqliteStore

DAY = 86400.0


def facts_of(store: SqliteStore, pid: int = 10) -> dict:
    workers = store.workers("shop", None, 0)
    told = store.facts(worker.id for worker in workers)
    return next((told.get(worker.id, {}) for worker in reversed(workers) if worker.identity.pid == pid), {})


def test_a_probes_facts_take_the_place_of_its_earlier_ones_and_leave_the_others(store, sender, send, start) -> None:
    worker = sender()
    send(worker, {7: 1}, start, facts={"cpu": {"os_cpus": 8}, "gc": {"enabled": True}})
    send(worker, {7: 1}, start + 30)
    assert facts_of(store) == {"cpu": {"os_cpus": 8}, "gc": {"enabled": True}}
    send(worker, {7: 1}, start + 60, facts={"gc": {"enabled": False}})
    assert facts_of(store) == {"cpu": {"os_cpus": 8}, "gc": {"enabled": False}}


def test_a_repeated_report_and_a_gap_store_no_facts(store, sender, send, start) -> None:
    worker = sender()
    send(worker, {7: 1}, start)
    worker.acknowledged = 17
    assert send(worker, {7: 1}, start + 30, facts={"gc": {"enabled": True}}) == "gap"
    assert facts_of(store) == {}


def test_facts_of_an_ended_worker_stay_until_it_is_forgotten(tmp_path, sender, start) -> None:
    store = SqliteStore(tmp_path / "facts.db", Retention(raw_s=DAY, days_s=3 * DAY))
    store.migrate()
    store.append([sender().report({7: 1}, start, facts={"gc": {"enabled": True}}, final=True)], start)
    (worker,) = store.workers("shop", None, 0)
    store.rollup(start + 2 * DAY)
    store.expire(start + 2 * DAY)
    assert store.facts([worker.id]) == {worker.id: {"gc": {"enabled": True}}}
    store.expire(start + 4 * DAY)
    assert store.workers_by_id([worker.id]) == {}
    assert store.facts([worker.id]) == {}
    store.close()


def test_a_file_of_an_earlier_release_gets_the_table(tmp_path, sender, start) -> None:
    path = tmp_path / "old.db"
    store = SqliteStore(path)
    store.migrate()
    store._writer.run(lambda roster: roster.connection.execute("DROP TABLE facts"))
    store._writer.run(lambda roster: roster.connection.execute(
        "DELETE FROM _sqlite_migrations WHERE migration_set = 'heaptide.facts'"
    ))  # fmt: skip
    store.close()
    again = SqliteStore(path)
    again.migrate()
    again.append([sender().report({7: 1}, start, facts={"gc": {"enabled": True}})], start)
    assert facts_of(again) == {"gc": {"enabled": True}}
    again.close()
