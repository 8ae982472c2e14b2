"""Workers that ended are read once, and never told as they no longer are."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from heaptide_server.store.growth import Question
from heaptide_server.store.lives import Lives


def asked(store, lives, start):
    with store._readers.reading() as connection:
        return lives.workers(connection, Question("shop", None, start, float("inf")))


@pytest.fixture
def two(sender, send, start):
    workers = [sender(key=key * 32, pid=pid) for key, pid in (("a", 1), ("b", 2))]
    for worker in workers:
        send(worker, {1: 1000}, start)
    send(workers[0], {1: 1}, start + 30, final=True)
    return workers


def test_an_ended_worker_is_read_once_and_a_living_one_each_time(store, two, start):
    lives = Lives()
    (ended, living), (same, other) = asked(store, lives, start), asked(store, lives, start)
    assert same is ended
    assert other is not living
    assert other == living
    assert [worker.identity.pid for worker in (ended, living)] == [1, 2]


def test_a_worker_that_was_missed_and_reports_again_is_told_as_it_is(store, two, send, start):
    store.migrate()
    lives = Lives()
    store._opened_at = start
    assert [worker.identity.pid for worker in store.reap(start + 3600)] == [2]
    assert [worker.ended_at is None for worker in asked(store, lives, start)] == [False, False]
    send(two[1], {1: 1}, start + 3700)
    told = asked(store, lives, start)[1]
    assert (told.ended_at, told.last_seen, told.requests) == (None, start + 3700, 20)


def test_an_ended_worker_is_told_by_the_slot_and_generation_that_it_came_to_have(store, sender, send, start):
    lives = Lives()
    send(sender(key="a" * 32, pid=1), {1: 1}, start)
    send(sender(key="b" * 32, pid=2, started_at=start + 60), {1: 1}, start + 65, final=True)
    assert [(one.identity.pid, one.slot) for one in asked(store, lives, start)] == [(1, 1), (2, 2)]
    store.reap(start + 3600)  # the first one ended before the second began: it follows it
    told = [(one.identity.pid, one.slot, one.generation) for one in asked(store, lives, start)]
    assert told == [(1, 1, 1), (2, 1, 2)]


def test_no_more_are_kept_than_allowed_and_all_are_told(store, sender, send, start):
    for number in range(5):
        send(sender(key=f"{number:032x}", pid=number), {1: 1}, start, final=True)
    lives = Lives(most=2)
    for _ in range(2):
        assert sorted(worker.identity.pid for worker in asked(store, lives, start)) == list(range(5))
    assert len(lives._kept) == 2


def test_those_who_know_a_site_are_found_and_asked_alone(store, sender, send, start):
    one, other = sender(key="a" * 32, pid=1), sender(key="b" * 32, pid=2)
    send(one, {1: 100, 2: 100}, start)
    send(other, {3: 100, 2: 100}, start)
    send(one, {2: 7}, start + 30)
    send(other, {2: 9}, start + 30)
    ids = {worker.identity.pid: worker.id for worker in store.workers("shop", None, start)}
    sites = {site.top.line: site.id for site in store.sites(range(20)).values()}
    assert store.knowing(list(ids.values()), [sites[1]]) == {ids[1]}
    assert store.knowing(list(ids.values()), [sites[1], sites[3]]) == set(ids.values())
    assert store.knowing([], [sites[1]]) == store.knowing(list(ids.values()), []) == set()
    alone = store.growth_by_worker("shop", None, [sites[2]], start, start + 60, 1, among=[ids[2]])
    assert [(worker.id, site) for worker, site in alone.rows] == [(ids[2], sites[2])]
    assert alone.values.tolist() == [[9.0]]


def test_the_first_rollup_reads_what_pages_will_ask_for(store, two, start):
    assert store._lives._kept == {}
    store.rollup(start + 60)
    assert [worker.identity.pid for _, worker in store._lives._kept.values()] == [1]


def test_more_lives_than_a_statement_takes_values_are_read_all_the_same(store, sender, send, start):
    for number in range(20):
        worker = sender(key=f"{number:032x}", pid=number)
        send(worker, {1: 100}, start)
        send(worker, {1: 7}, start + 60, final=True)
    reader = store._readers._take()
    reader.conn.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 12)
    store._readers._idle.append(reader)
    lives = store.workers("shop", None, start)
    ids = [worker.id for worker in lives]
    for _ in range(2):
        (site,) = store.sites(range(20))
        assert set(store.workers_by_id(ids)) == set(ids)
        assert store.traced_series("shop", None, start, start + 300, 1).values[:, 0].tolist() == [107] * 20
        assert store.growth_by_worker("shop", None, [site], start, start + 300, 1).values.tolist() == [[7]] * 20
        assert store.knowing(ids, [site]) == set(ids)
        assert [one.growth_bytes for one in store.site_by_life(ids, site, start, start + 300).values()] == [7] * 20
        assert store.top_types("shop", None, start, start + 300, 5)[0].growth_count == 20
        store.rollup(start + 600)


def test_what_a_tracer_knew_last_outlives_the_reports_of_an_ended_worker(store, sender, start):
    worker = sender()
    for sequence, (change, final) in enumerate([(1000, False), (64, False), (6, True)]):
        at = start + 300 * sequence
        told = replace(worker.report({1: change}, at, final=final), tracer={"traced_bytes": worker.levels[1]})
        worker.acknowledged = store.append([told], at)[0].acknowledged
    before = store.traced_series("shop", None, start, start + 900, 3).values.tolist()
    store.rollup(start + 2 * 86400)
    assert store.expire(start + 2 * 86400) > 0
    assert store.traced_series("shop", None, start, start + 900, 3).values.tolist() == before == [[1000, 1064, 1070]]
