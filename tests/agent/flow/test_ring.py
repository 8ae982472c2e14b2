"""The ring loses resolution in time, never sums."""

from __future__ import annotations

from heaptide.ring import Ring


def test_a_full_ring_merges_its_two_oldest_and_counts_it(make_report) -> None:
    ring = Ring(most_reports=3)
    for number in range(1, 6):
        ring.add(make_report(number - 1, number, requests=number))
    assert len(ring) == 3
    assert ring.dropped == 2
    oldest = ring.attempt()
    assert (oldest.base, oldest.sequence, oldest.requests, oldest.elapsed_s) == (0, 3, 6, 3.0)
    assert oldest.vitals == {"rss_bytes": 3.0}


def test_a_report_that_was_attempted_is_never_merged(make_report) -> None:
    ring = Ring(most_reports=2)
    ring.add(make_report(0, 1))
    ring.attempt()
    for number in range(2, 6):
        ring.add(make_report(number - 1, number))
    assert ring.attempt().sequence == 1
    assert ring.settle(1)
    assert (ring.attempt().base, ring.attempt().sequence) == (1, 5)


def test_too_many_bytes_merge_as_too_many_reports_do(make_report) -> None:
    ring = Ring(most_bytes=7_000)
    for number in range(1, 9):
        ring.add(make_report(number - 1, number))
    assert ring.size_bytes() <= 7_000
    assert ring.dropped > 0


def test_what_says_everything_anew_replaces_what_was_before_it_but_for_its_requests(make_report) -> None:
    ring = Ring()
    ring.add(make_report(4, 5, requests=2))
    ring.add(make_report(0, 6, requests=3, final=True))
    ring.merge()
    merged = ring.attempt()
    assert (merged.base, merged.sequence, merged.requests, merged.elapsed_s, merged.final) == (0, 6, 5, 1.0, True)


def test_settling_drops_up_to_a_boundary_and_nothing_where_there_is_none(make_report) -> None:
    ring = Ring()
    for number in (1, 2, 3):
        ring.add(make_report(number - 1, number))
    assert not ring.settle(7)
    assert len(ring) == 3
    assert ring.settle(2)
    assert ring.attempt().sequence == 3


def test_giving_up_tells_the_requests_that_were_in_it(make_report) -> None:
    ring = Ring()
    ring.add(make_report(0, 1, requests=4))
    ring.add(make_report(1, 2, requests=5))
    assert ring.give_up() == 9
    assert (len(ring), ring.dropped) == (0, 2)
