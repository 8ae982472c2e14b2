"""What any `Store` must do. The fixture `store` of tests/server/conftest.py says which one is put through it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from heaptide.wire import pack
from heaptide_server.model import Event, Only

HOUR = 3600.0


def live(store, at, service="shop"):
    growth = store.top_growth(service, None, 0, at, 100)
    return {row.site.top.line: row.live_bytes for row in growth}


def grown(store, since, until, service="shop"):
    return {row.site.top.line: row.growth_bytes for row in store.top_growth(service, None, since, until, 100)}


def counts(*changes):
    return pack(range(len(changes)), {"count": changes})


def test_migrating_twice_changes_nothing(store, sender, send, start):
    send(sender(), {1: 10}, start)
    store.migrate()
    assert len(store.stored_after(0, 10)) == 1


def test_the_first_report_is_where_a_worker_starts_and_not_growth(store, sender, send, start):
    worker = sender()
    assert send(worker, {1: 1000}, start) == "accepted"
    send(worker, {1: 64, 2: 128}, start + 30)
    assert grown(store, start, start + 60) == {1: 64, 2: 128}
    assert live(store, start + 60) == {1: 1064, 2: 128}


def test_a_repeated_report_is_acknowledged_and_changes_nothing(store, sender, send, start):
    worker = sender()
    send(worker, {1: 1000}, start)
    again = worker.report({1: 64}, start + 30)
    assert [store.append([again], start + 30 + wait)[0].outcome for wait in range(3)] == [
        "accepted",
        "repeated",
        "repeated",
    ]
    assert live(store, start + 60) == {1: 1064}


def test_one_group_may_hold_a_report_and_its_repetition(store, sender, start):
    worker = sender()
    first = worker.report({1: 1000}, start)
    receipts = store.append([first, first], start)
    assert [(receipt.outcome, receipt.acknowledged) for receipt in receipts] == [("accepted", 1), ("repeated", 1)]


def test_a_report_that_continues_something_else_is_a_gap_and_changes_nothing(store, sender, send, start):
    worker = sender()
    send(worker, {1: 1000}, start)
    worker.acknowledged, worker.sequence = 5, 6
    (receipt,) = store.append([worker.report({1: 64}, start + 30)], start + 30)
    assert (receipt.outcome, receipt.acknowledged) == ("gap", 1)
    assert len(store.stored_after(0, 10)) == 1


def test_an_unknown_worker_that_continues_something_is_a_gap(store, sender, start):
    worker = sender(acknowledged=3, sequence=3)
    (receipt,) = store.append([worker.report({1: 64}, start)], start)
    assert (receipt.outcome, receipt.acknowledged) == ("gap", 0)


def test_numbers_that_came_apart_ask_for_a_new_beginning(store, sender, send, start):
    worker = sender()
    send(worker, {1: 1000}, start)
    report = replace(worker.report({}, start + 30), first_site=9)
    (receipt,) = store.append([report], start + 30)
    assert (receipt.outcome, receipt.acknowledged) == ("gap", 0)


def test_beginning_anew_ends_the_old_worker_and_counts_nothing_twice(store, sender, send, start):
    worker = sender()
    send(worker, {1: 1000}, start)
    send(worker, {1: 64}, start + 30)
    assert send(worker, {1: 64}, start + 60, resync=True) == "accepted"
    send(worker, {1: 64}, start + 90)
    old, new = store.workers("shop", None, start)
    assert (old.end_reason, old.slot, old.generation) == ("resync", 1, 1)
    assert (new.end_reason, new.slot, new.generation) == (None, 1, 2)
    assert live(store, start + 120) == {1: 1192}
    assert grown(store, start, start + 120) == {1: 128}


def test_an_end_leaves_live_but_is_not_growth(store, sender, send, start):
    first, second = sender(key="a" * 32), sender(key="b" * 32, started_at=start + 61)
    send(first, {1: 1000}, start)
    send(first, {1: 500}, start + 30, final=True)
    send(second, {1: 1000}, start + 62)
    send(second, {1: 400}, start + 90)
    assert live(store, start + 100) == {1: 1400}
    assert grown(store, start, start + 100) == {1: 900}
    assert [(worker.slot, worker.generation) for worker in store.workers("shop", None, start)] == [(1, 1), (1, 2)]


def test_a_worker_without_heartbeat_ends_and_lives_again_when_it_reports(store, sender, send, start):
    worker = sender(interval_s=10)
    send(worker, {1: 1000}, start)
    assert store.reap(start + 29) == []
    assert [(ended.end_reason, ended.ended_at) for ended in store.reap(start + 31)] == [("missing", start + 31)]
    assert store.reap(start + 32) == []
    assert store.services(start + 32)[0].workers == 0
    assert send(worker, {1: 64}, start + 40) == "accepted"
    assert live(store, start + 50) == {1: 1064}
    assert [entry.kind for entry in store.stored_after(0, 10)] == ["start", "end", "change"]
    assert store.workers("shop", None, start)[0].end_reason is None


def test_the_blob_that_travelled_is_the_blob_that_is_read(store, sender, start):
    report = sender().report({1: 1000}, start)
    store.append([report], start)
    (entry,) = store.stored_after(0, 10)
    assert (entry.sites, entry.types, entry.kind) == (report.site_changes, report.type_changes, "start")
    assert store.type_map(entry.worker_id) == ["dict"]
    sites = store.sites(store.site_map(entry.worker_id))
    assert [site.top.line for site in sites.values()] == [1]


def test_damaged_rows_are_refused_whole(store, sender, start):
    good, bad = sender(key="a" * 32).report({1: 1}, start), sender(key="b" * 32).report({1: 1}, start)
    with pytest.raises(ValueError, match="damaged"):
        store.append([good, replace(bad, site_changes=b"nonsense")], start)
    assert store.stored_after(0, 10) == []


def test_rolling_up_changes_no_answer_and_again_makes_nothing(store, sender, send, start):
    worker = sender()
    send(worker, {1: 1000}, start)
    for minute in range(1, 200):
        send(worker, {1: minute, 2: -minute if minute % 2 else minute}, start + 60 * minute)
    until = start + 60 * 200
    before = [grown(store, start + since, until) for since in (0, 300, 3600, 5000)]
    assert store.rollup(until) > 0
    assert store.rollup(until) == 0
    assert [grown(store, start + since, until) for since in (0, 300, 3600, 5000)] == before


def test_a_late_report_is_counted_in_its_closed_bucket(store, sender, send, start):
    early, late = sender(key="a" * 32), sender(key="b" * 32)
    for worker in (early, late):
        send(worker, {1: 1000}, start)
    send(early, {1: 64}, start + 60)
    store.rollup(start + 4 * HOUR)
    store.append([late.report({1: 32}, start + 90)], start + 4 * HOUR)
    assert grown(store, start, start + HOUR) == {1: 96}
    store.rollup(start + 4 * HOUR)
    assert grown(store, start, start + HOUR) == {1: 96}


def test_expiry_keeps_live_levels_exact_and_folds_the_past_into_a_start(store, sender, send, start):
    worker = sender(interval_s=HOUR)
    send(worker, {1: 1000}, start)
    for hour in range(1, 60):
        send(worker, {1: 64}, start + hour * HOUR)
        store.rollup(start + hour * HOUR)
    until = start + 60 * HOUR
    store.rollup(until)
    before = grown(store, start, until)
    assert store.expire(until) > 0
    entries = store.stored_after(0, 1000)
    assert entries[0].kind == "start"
    assert len(entries) < 30
    assert live(store, until) == {1: 1000 + 59 * 64}
    assert grown(store, start, until) == before == {1: 59 * 64}


def test_growth_per_bucket_adds_up_to_growth(store, sender, send, start):
    worker = sender()
    send(worker, {1: 0, 2: 0}, start)
    for minute in range(1, 120):
        send(worker, {1: minute}, start + 60 * minute)
    store.rollup(start + 2 * HOUR)
    (row,) = store.top_growth("shop", "production", start, start + 2 * HOUR, 5)
    series = store.growth_series("shop", None, [row.site.id], start, start + 2 * HOUR, 8)
    assert series.values.shape == (1, 8)
    assert series.values.sum() == row.growth_bytes == sum(range(120))
    assert (series.values[0][1:] > series.values[0][:-1]).all()


def test_growth_per_worker_adds_up_to_growth_and_names_who_grew(store, sender, send, start):
    one, other = sender(), sender(key="b" * 32, pid=11)
    for minute in range(10):
        send(one, {1: 100, 2: 5}, start + 60 * minute)
        send(other, {1: 1}, start + 60 * minute)
    until = start + 601
    sites = {row.site.top.line: row.site.id for row in store.top_growth("shop", None, start, until, 5)}
    both = store.growth_by_worker("shop", "production", [sites[2], sites[1]], start, until, 5)
    assert {
        (worker.identity.pid, site): values.sum() for (worker, site), values in zip(both.rows, both.values, strict=True)
    } == {
        (10, sites[1]): 900,
        (10, sites[2]): 45,
        (11, sites[1]): 9,
    }
    together = store.growth_series("shop", None, [sites[1]], start, until, 5)
    alone = [values for (_, site), values in zip(both.rows, both.values, strict=True) if site == sites[1]]
    assert (sum(alone) == together.values[0]).all()


def test_growth_per_worker_of_nothing_has_no_rows(store, start):
    assert store.growth_by_worker("shop", None, [1], start, start + 60, 5).values.shape == (0, 5)


def test_what_tracers_knew_is_a_level_at_each_buckets_end(store, sender, send, start):
    worker, ended = sender(), sender(key="b" * 32, pid=11)
    send(ended, {1: 500}, start)
    send(ended, {1: 70}, start + 60, final=True)
    send(worker, {1: 1000}, start + 30)
    send(worker, {1: 64, 2: 6}, start + 300)
    send(worker, {1: -70}, start + 880)
    for _ in range(2):
        series = store.traced_series("shop", None, start, start + 900, 3)
        levels = {row.identity.pid: values.tolist() for row, values in zip(series.rows, series.values, strict=True)}
        assert levels[10] == [1000, 1070, 1000]
        assert levels[11][0] == 570
        assert all(level != level for level in levels[11][1:])  # it has ended
        store.rollup(start + HOUR)


def test_a_worker_that_traces_nothing_has_no_traced_level(store, sender, send, start):
    send(sender(), {}, start)
    assert all(level != level for level in store.traced_series("shop", None, start, start + 60, 2).values[0])


def test_types_that_grew_most_come_first(store, sender, start):
    worker = sender()
    names = ["dict", "list", "set"]
    begin = replace(worker.report({1: 1}, start), new_types=names, type_changes=counts(100, 7, 1))
    store.append([begin], start)
    worker.acknowledged = 1
    store.append([replace(worker.report({}, start + 60), first_type=3, type_changes=counts(3, 40, -1))], start + 60)
    found = store.top_types("shop", "production", start, start + 120, 5)
    assert [(row.name, row.growth_count, row.live_count) for row in found] == [("list", 40, 47), ("dict", 3, 103)]
    assert [row.name for row in store.top_types("shop", None, start, start + 120, 1)] == ["list"]


def test_a_question_can_be_narrowed_to_a_worker_slot_and_a_release(store, sender, send, start):
    for pid, release in ((10, "1.0"), (11, "2.0")):
        worker = sender(key=f"{pid:032x}", pid=pid, release=release)
        send(worker, {1: 1, 2: 1}, start)
        send(worker, {1: pid}, start + 60)
    until = start + 120

    def answers(only):
        workers = store.workers("shop", None, start, only)
        grown = store.top_growth("shop", None, start, until, 5, only)
        site_ids = [row.site.id for row in grown]
        series = store.growth_series("shop", None, site_ids, start, until, 1, only)
        traced = store.traced_series("shop", None, start, until, 1, only)
        return [w.identity.pid for w in workers], [(r.growth_bytes, r.live_bytes) for r in grown], series.values, traced

    pids, grown, series, traced = answers(Only(release="2.0"))
    assert (pids, grown, series.tolist(), traced.values.tolist()) == ([11], [(11, 12)], [[11]], [[13]])
    (first,) = [worker for worker in store.workers("shop", None, start) if worker.identity.pid == 10]
    assert answers(Only(first.identity.host, first.slot))[:2] == ([10], [(10, 11)])
    assert answers(Only(first.identity.host, first.slot, "2.0"))[:2] == ([], [])
    assert answers(None)[1] == [(21, 23)]


def test_it_says_when_the_living_were_last_heard_of(store, sender, send, start):
    assert store.heard() == (0, 0)
    send(sender(), {1: 1}, start)
    send(sender(key="b" * 32, service="other"), {1: 1}, start + 5)
    assert store.heard() == (start + 5, 2)
    assert store.heard("shop") == store.heard("shop", "production") == (start, 1)
    assert store.heard("shop", "moon") == (0, 0)


def test_vitals_are_means_per_worker_with_gaps(store, sender, send, start):
    worker = sender()
    send(worker, {1: 0}, start, rss_bytes=100.0)
    send(worker, {}, start + 30, rss_bytes=300.0)
    send(worker, {}, start + 700, rss_bytes=None)
    series = store.vitals_series("shop", None, "rss_bytes", start, start + 900, 3)
    assert series.values[0][0] == 200.0
    assert series.rows[0].identity.pid == 10
    assert (series.values[0][1:] != series.values[0][1:]).all()


def test_services_sum_their_living_workers(store, sender, send, start):
    for number, key in enumerate("abc"):
        send(sender(key=key * 32, environment="staging" if number else "production"), {1: 1}, start)
    rows = store.services(start)
    assert [(row.environment, row.workers, row.rss_bytes, row.limit_bytes) for row in rows] == [
        ("production", 1, int(1e8), int(1e9)),
        ("staging", 2, int(2e8), int(1e9)),
    ]


def test_environments_are_told_apart(store, sender, send, start):
    for key, environment in (("a" * 32, "production"), ("b" * 32, "staging")):
        worker = sender(key=key, environment=environment)
        send(worker, {1: 1}, start)
        send(worker, {1: 64}, start + 1)
    assert store.top_growth("shop", "staging", start, start + 9, 5)[0].growth_bytes == 64
    assert store.top_growth("shop", None, start, start + 9, 5)[0].growth_bytes == 128
    assert len(store.workers("shop", "staging", start)) == 1


def test_a_trace_request_goes_to_each_worker_until_it_answers(store, sender, send, start):
    worker, other = sender(key="a" * 32), sender(key="b" * 32)
    send(worker, {1: 1}, start)
    number = store.request_trace("shop", 0, start + 1)
    send(other, {1: 1}, start + 2)
    asked = [{"id": number, "kind": "trace", "sample_bytes": 0}]
    assert store.requests_for(worker.key) == store.requests_for(other.key) == asked
    send(worker, {}, start + 3, answers=[{"id": number, "status": "done"}])
    assert store.requests_for(worker.key) == []
    assert store.requests_for(other.key) == asked
    assert store.requests_for("c" * 32) == []


def test_events_come_back_in_order_of_time(store, start):
    later = Event(start + 5, "deploy", "shop", None, "1.1", "")
    earlier = Event(start + 1, "deploy", "shop", "production", "1.0", "by hand")
    for event in (later, earlier, replace(earlier, environment="staging"), replace(earlier, service="other")):
        store.add_event(event)
    assert store.events("shop", "production", start, start + 9) == [earlier, later]


def test_it_says_that_it_can_write_and_how_large_it_is(store, start):
    store.check(start)
    assert store.size_bytes() > 0
