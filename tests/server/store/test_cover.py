from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from heaptide_server.store.cover import DAY, FIVE_MINUTES, HOUR, RAW, WIDTHS, Extent, Piece, cover

ALL_KEPT = dict.fromkeys((RAW, *WIDTHS), -math.inf)


@given(st.floats(0, 1e7), st.floats(0, 1e7), st.floats(0, 1e7), st.sampled_from(WIDTHS))
def test_pieces_follow_each_other_through_the_window_without_gap_or_overlap(since, until, rolled, widest):
    there = Extent({width: rolled // width * width for width in WIDTHS}, ALL_KEPT)
    pieces = cover(since, until, there, widest)
    edges = [(piece.since, piece.until) for piece in pieces]
    assert all(start < end for start, end in edges)
    assert all(left[1] == right[0] for left, right in pairwise(edges))
    assert (not pieces) == (since >= until)
    assert not pieces or (edges[0][0], edges[-1][1]) == (since, until)
    for piece in pieces:
        assert piece.width_s == RAW or (piece.since % piece.width_s == piece.until % piece.width_s == 0)
        assert piece.width_s == RAW or piece.until <= rolled


def test_the_middle_is_coarse_and_the_edges_are_fine():
    there = Extent(dict.fromkeys(WIDTHS, 10 * DAY), ALL_KEPT)
    widths = [piece.width_s for piece in cover(DAY + 1, 5 * DAY + HOUR + 301, there)]
    assert widths == [RAW, FIVE_MINUTES, HOUR, DAY, HOUR, FIVE_MINUTES, RAW]


def test_an_edge_without_finer_data_begins_at_the_coarser_bucket():
    there = Extent(dict.fromkeys(WIDTHS, 10 * DAY), ALL_KEPT | {RAW: 9 * DAY, FIVE_MINUTES: 9 * DAY, HOUR: 9 * DAY})
    assert cover(DAY + 100, 3 * DAY, there) == [Piece(DAY, DAY, 3 * DAY)]


def test_finer_questions_than_the_finest_bucket_take_raw_entries_while_they_are_kept():
    there = Extent(dict.fromkeys(WIDTHS, 10 * DAY), ALL_KEPT | {RAW: 2 * DAY})
    assert cover(3 * DAY, 3 * DAY + HOUR, there, 30) == [Piece(RAW, 3 * DAY, 3 * DAY + HOUR)]
    assert cover(DAY, DAY + HOUR, there, 30) == [Piece(FIVE_MINUTES, DAY, DAY + HOUR)]
