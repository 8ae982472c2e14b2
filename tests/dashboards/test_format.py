"""Numbers, times and names as people write them."""

from __future__ import annotations

import math

import pytest

from heaptide_dashboards import format as texts


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (1024, "1 KiB"),
        (14.2 * 2**20, "14.2 MiB"),
        (142.4 * 2**20, "142 MiB"),
        (999.6 * 2**20, "0.98 GiB"),
        (1.5 * 2**30, "1.5 GiB"),
        (2.0**60, "1024 PiB"),
        (-3 * 2**20, "−3 MiB"),
        (-0.001, "0 B"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_a_size_has_three_digits_and_a_binary_unit(size: float | None, text: str) -> None:
    assert texts.bytes_text(size).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("size", "text"), [(1024, "+1 KiB"), (-1024, "−1 KiB"), (0, "0 B"), (0.75, "+0.75 B"), (None, "–")]
)
def test_growth_has_a_sign_where_there_is_growth(size: float | None, text: str) -> None:
    assert texts.growth_text(size).replace("\u00a0", " ") == text


def test_a_growth_per_hour_names_its_hour_unless_it_is_unknown() -> None:
    assert texts.per_hour_text(14.2 * 2**20) == "+14.2\u00a0MiB/h"
    assert texts.per_hour_text(None) == "–"


def test_an_interval_has_one_unit_for_both_ends() -> None:
    assert texts.interval_text(900 * 2**10, 1.4 * 2**20) == "0.88 to 1.4\u00a0MiB"
    assert texts.interval_text(-2048, 4096) == "−2 to 4\u00a0KiB"
    assert texts.interval_text(math.nan, 1) == "–"


@pytest.mark.parametrize(("share", "text"), [(1.0, "> 99.9 %"), (0.9987, "99.8 %"), (0.934, "93 %"), (None, "–")])
def test_a_confidence_never_reads_as_certain(share: float | None, text: str) -> None:
    assert texts.confidence_text(share).replace("\u00a0", " ") == text


@pytest.mark.parametrize(("share", "text"), [(0.8, "80 %"), (0.0042, "0.42 %"), (0, "0 %"), (1, "100 %"), (None, "–")])
def test_a_share_reads_in_percent(share: float | None, text: str) -> None:
    assert texts.percent_text(share).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "just now"), (1.9, "just now"), (12, "12 s ago"), (59.9, "59 s ago"), (60, "1 min ago"), (7300, "2 h ago")],
)
def test_how_long_ago_is_told_in_the_largest_unit(seconds: float, text: str) -> None:
    assert texts.ago_text(1000.0 - seconds, 1000.0).replace("\u00a0", " ") == text


def test_days_are_the_largest_span_of_time() -> None:
    assert texts.duration_text(40 * 86400) == "40\u00a0d"


def test_an_exact_time_says_its_zone() -> None:
    assert texts.exact_text(1_800_000_000) == "2027-01-15 08:00:00 UTC"
    assert texts.iso_text(1_800_000_000) == "2027-01-15T08:00:00Z"


def test_counts_have_their_thousands_apart_and_nouns_their_plural() -> None:
    assert texts.count_text(48211) == "48,211"
    assert texts.plural(1, "leak") == "1\u00a0leak"
    assert texts.plural(1200, "leak") == "1,200\u00a0leaks"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u202eb", "a\\u202eb"),
        ("\x07\x00\x85", "\\x07\\x00\\x85"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\ud800", "\\ud800"),
        ("\ufeffz\u200bw", "\\ufeffz\\u200bw"),
    ],
)
def test_what_hides_or_reorders_is_written_out(text: str, shown: str) -> None:
    assert texts.visible(text) == shown


@pytest.mark.parametrize("text", ["shop/quotes.py", "שלום", "größe", "\N{ROCKET}", "👩\u200d💻", "<b>"])
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert texts.visible(text) == text


def test_a_long_name_keeps_both_its_ends() -> None:
    short = texts.shorten("start" + "x" * 10_000 + "end", 20)
    assert len(short) == 20
    assert short.startswith("start")
    assert short.endswith("end")
    assert texts.shorten("short", 5) == "short"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (20, "1 min"),
        (40 * 60, "40 min"),
        (22_830, "6 h 20 min"),
        (7200, "2 h"),
        (87_000, "1 d"),
        (100 * 3600, "4 d 4 h"),
        (20 * 86_400 + 7200, "20 d"),
    ],
)
def test_a_forecast_is_told_no_finer_than_it_is_known(seconds: float, text: str) -> None:
    assert texts.ahead_text(seconds).replace("\u00a0", " ") == text


def test_a_rounded_size_has_its_exact_one_beside_it() -> None:
    assert texts.exact_bytes_text(14_889_779.4) == "14,889,779 bytes"
    assert texts.exact_bytes_text(None) == "–"


def test_a_name_is_text_to_a_chart() -> None:
    assert texts.plain("<b>a&b</b>") == "&lt;b&gt;a&amp;b&lt;/b&gt;"
