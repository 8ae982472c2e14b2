"""Sums of closed buckets are remembered, and never stale."""

from __future__ import annotations

from typing import Any

from heaptide_server.store.cover import FIVE_MINUTES, Piece
from heaptide_server.store.growth import Question
from heaptide_server.store.sums import Sums


def asked(store: Any, sums: Sums, start: float) -> list[Any]:
    question = Question("shop", None, start, start + 900)
    piece = Piece(FIVE_MINUTES, start, start + 900)
    with store._readers.reading() as connection:
        return [bucket for _, bucket in sums.of(connection, question.workers, question.whom, piece)]


def test_a_closed_bucket_is_summed_once(store: Any, sender: Any, send: Any, start: float) -> None:
    worker, sums = sender(), Sums()
    for minute in range(12):
        send(worker, {1: 10, 2: 1}, start + 60 * minute)
    store.rollup(start + 900)
    first, second = asked(store, sums, start), asked(store, sums, start)
    assert len(first) == 3
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert [bucket.bytes.tolist() for bucket in first] == [[40, 4], [50, 5], [20, 2]]
    assert [bucket.worker_bytes.tolist() for bucket in first] == [[44], [55], [22]]


def test_a_late_report_is_in_the_sum_of_its_bucket(store: Any, sender: Any, send: Any, start: float) -> None:
    worker, sums = sender(), Sums()
    for minute in range(9):
        send(worker, {1: 10}, start + 60 * minute)
    store.rollup(start + 900)
    before = asked(store, sums, start)
    late = worker.report({1: 7}, start + 60 * 8)
    store.append([late], start + 890)
    store.rollup(start + 901)
    after = asked(store, sums, start)
    assert after[0] is before[0]
    assert (before[1].bytes.tolist(), after[1].bytes.tolist()) == ([40], [47])


def test_no_more_is_kept_than_the_budget_allows(store: Any, sender: Any, send: Any, start: float) -> None:
    worker = sender()
    for minute in range(12):
        send(worker, dict.fromkeys(range(1, 50), 1), start + 60 * minute)
    store.rollup(start + 900)
    one = asked(store, Sums(), start)[0].held_bytes
    sums = Sums(budget_bytes=int(1.5 * one))
    first, second = asked(store, sums, start), asked(store, sums, start)
    assert sums._held_bytes <= 1.5 * one
    assert [len(bucket.site_ids) for bucket in second] == [len(bucket.site_ids) for bucket in first]
