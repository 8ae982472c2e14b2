"""Two windows or releases beside each other: words, boxes, tables."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from heaptide_dashboards import comparing, render
from heaptide_dashboards.comparing import ComparePage, Side, SiteDelta, change_of, side_note
from heaptide_dashboards.flame import LEAST_PERCENT, MOST_BOXES, flame
from heaptide_dashboards.views import FrameView

MIB = 1 << 20
MAIN = FrameView("shop/app.py", "main", 1, True)
LEAF = FrameView("shop/quotes.py", "remember", 41, True)


def delta(before: float, after: float, *frames: FrameView, known: bool = True) -> SiteDelta:
    return SiteDelta(frames or (LEAF, MAIN), "shop/quotes.py:41", "remember", True, before, after, 9.0, 2.0, known)


def page(*rows: SiteDelta) -> ComparePage:
    sides = [Side(name, 0.0, 3600.0, 7200.0, 100) for name in ("release 2.4.0", "release 2.5.0")]
    return ComparePage(
        1_800_000_000.0, "shop", "production", "releases", "6h", "previous", "2.4.0", "2.5.0", *sides, rows,
        ["shop"], ["production"], ["2.5.0", "2.4.0"],
    )  # fmt: skip


def words(text: str) -> str:
    shown = " ".join(re.sub(r"<[^>]*>", " ", "<main" + text.partition("<main")[2]).split())
    return html.unescape(shown).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("before", "after", "known", "change"),
    [
        (0, 5, False, "new"),
        (0, -5, False, "less"),
        (100, 104, True, "same"),
        (100, 120, True, "more"),
        (100, 80, True, "less"),
        (0, 0, True, "same"),
    ],
)
def test_a_change_has_a_name_and_noise_is_none(before: float, after: float, known: bool, change: str) -> None:
    assert change_of(before, after, known) == change


def test_each_change_has_a_shape_and_a_colour_of_its_own() -> None:
    assert len({state.icon for state in comparing.CHANGES.values()}) == len(comparing.CHANGES)
    assert len({state.tone for state in comparing.CHANGES.values()}) == len(comparing.CHANGES)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([delta(1 * MIB, 3 * MIB)], "A worker grows by 2 MiB/h more"),
        ([delta(3 * MIB, 1 * MIB)], "A worker grows by 2 MiB/h less"),
        ([delta(0, 1 * MIB, known=False)], "A worker grows by 1 MiB/h more, 1 new site"),
        ([delta(1 * MIB, 1 * MIB)], "A worker grows as fast as before"),
        ([], "A worker grows as fast as before"),
    ],
)
def test_a_comparison_is_one_sentence(rows: list[SiteDelta], sentence: str) -> None:
    assert comparing.compared(page(*rows)).replace("\u00a0", " ") == sentence


def test_a_side_without_workers_is_said_so() -> None:
    silent = replace(page(), before=Side("release 1", 0, 0, 0.0, 0))
    assert "No worker reported in release 1" in words(render.compare_html(silent, "/compare"))


def test_children_lie_within_their_caller_and_side_by_side() -> None:
    other = FrameView("shop/cache.py", "keep", 9, True)
    boxes = flame([delta(10, 30, LEAF, MAIN), delta(10, 0, other, MAIN)]).boxes
    by_row = {row: sorted((b for b in boxes if b.row == row), key=lambda b: b.left) for row in range(3)}
    assert [len(row) for row in by_row.values()] == [1, 1, 2]
    assert by_row[1][0].width == 100
    left, right = by_row[2]
    assert (left.width, right.width) == (75, 25)
    assert left.left + left.width == pytest.approx(right.left)
    assert [left.change, right.change] == ["more", "less"]
    assert left.strength > by_row[1][0].strength


def test_what_was_not_there_before_is_new_and_what_has_it_among_others_is_not() -> None:
    boxes = flame([delta(0, 10, LEAF, MAIN, known=False), delta(5, 5, MAIN)]).boxes
    assert [box.change for box in boxes if box.row == 2] == ["new"]
    assert next(box for box in boxes if box.row == 1).change == "more"


def test_a_change_stands_in_words_before_its_label() -> None:
    boxes = flame([delta(10, 30)]).boxes
    assert all(box.label.startswith("▲ ") and box.title.startswith("More: ") for box in boxes)


def test_thin_and_too_many_boxes_are_left_out() -> None:
    rows = [delta(0, 1.0, FrameView("a.py", f"f{n}", n, True), MAIN) for n in range(2000)]
    graph = flame([*rows, delta(0, 1e6)])
    assert len(graph.boxes) <= MOST_BOXES
    assert min(box.width for box in graph.boxes) >= LEAST_PERCENT
    assert flame([]).boxes == []


def test_an_endless_recursion_ends_in_the_graph() -> None:
    frames = [FrameView("a.py", "walk", n, True) for n in range(500)]
    assert flame([delta(0, 1.0, *frames)]).rows <= 40


def test_the_table_has_what_chromes_has_and_each_change_in_a_word() -> None:
    text = words(render.compare_html(page(delta(1 * MIB, 3 * MIB)), "/compare"))
    assert "More shop/quotes.py:41 remember +1 MiB/h +3 MiB/h +2 MiB/h 9 B 2 B +7 B" in text


def test_the_address_has_the_whole_choice() -> None:
    address = comparing.compare_url("a/b &c", "x", mode="releases", base="1&2", release="3")
    assert address == "/compare?service=a%2Fb+%26c&environment=x&mode=releases&base=1%262&release=3"
    assert f'href="{html.escape(comparing.compare_url("shop", "production", mode="releases"))}" aria-current' in (
        render.compare_html(page(delta(1, 2)), "/compare")
    )


def test_hostile_names_are_shown_harmlessly(hostile: str) -> None:
    row = replace(delta(1, 2, FrameView(hostile, hostile, 1, True)), where=hostile, function=hostile)
    shown = replace(page(row), service=hostile, environments=[hostile], releases=[hostile], base=hostile)
    text = render.compare_html(shown, "/compare")
    assert "<script>" not in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", text)
    assert not re.search(r"<[^>]*\s(style|on[a-z]+)=", text)
    text.encode()


def test_each_side_says_how_long_its_workers_lived_so_that_two_alike_look_alike() -> None:
    notes = [side_note(Side("", 0, 0, lived_s, 5)) for lived_s in (7140.0, 7260.0, 40.0, 0.0)]
    assert [note.replace("\u00a0", " ") for note in notes] == [
        "1 h 59 min of workers' lives, 5 requests",
        "2 h 1 min of workers' lives, 5 requests",
        "1 min of workers' lives, 5 requests",
        "no worker reported",
    ]
