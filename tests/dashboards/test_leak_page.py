"""A leak's page: what becomes of it, how it's mended, where its source is, and what is pasted into an issue."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest

from heaptide_dashboards import charts, fixes, markdown, prospects, render, sources, trend
from heaptide_dashboards.fixes import fix_for
from heaptide_dashboards.marks import Marks
from heaptide_dashboards.prospects import AdviceView, ForecastView
from heaptide_dashboards.views import FrameView, GenerationGrowth, HopView, LeakPage, Line, PathView, ReleaseGrowth

Make = Callable[..., Any]
MIB = 1 << 20
HOUR_S = 3600.0
TEMPLATE = "https://git.example/shop/blob/{release}/{path}#L{line}"


def words(page: str) -> str:
    text = html.unescape(" ".join(re.sub(r"<[^>]*>", " ", "<main" + page.partition("<main")[2]).split()))
    return text.replace("\u00a0", " ")


def held(name: str, kind: str, *more: tuple[str, str], bound: str = "", from_c: bool = False) -> PathView:
    return PathView(3, [HopView(*hop, None) for hop in ((name, kind), *more)], bound, from_c)


@pytest.mark.parametrize(
    ("path", "fix"),
    [
        (held("shop.quotes._QUOTES", "dict"), fixes.TABLE),
        (held("shop.quotes.counts", "collections.Counter"), fixes.TABLE),
        (held("shop.quotes.seen", "list"), fixes.LIST),
        (held("shop.quotes.price", "functools._lru_cache_wrapper", ("[cached]", "dict")), fixes.LRU_CACHE),
        (held("shop.quotes.price", "functools._lru_cache_wrapper", bound="lru_cache, at most 5"), fixes.BOUNDED),
        (held("logging.root", "logging.RootLogger", ("RootLogger.handlers", "list")), fixes.LOGGING),
        (held("asyncio.tasks._scheduled_tasks", "weakref.WeakSet", ("[member]", "_asyncio.Task")), fixes.TASKS),
        (held("shop.mails.waiting", "asyncio.queues.Queue"), fixes.QUEUE),
        (held("shop.mails.waiting", "collections.deque"), fixes.QUEUE),
        (held("local rows of running main()", "list"), fixes.RUNNING),
        (held("context of thread MainThread", "Context"), fixes.THREAD),
        (held("shop.app.hooks", "list", ("closure variable order of on_done()", "dict")), fixes.CLOSURE),
        (held("default of argument seen of handle()", "list"), fixes.DEFAULT),
        (held("shop.orders.Order.seen", "list"), fixes.ON_CLASS),
        (held("held from C", "dict", from_c=True), fixes.EXTENSION),
        (held("shop.thing", "shop.Thing"), None),
    ],
)
def test_each_kind_of_holder_has_its_own_way_to_be_mended(path: PathView, fix: fixes.Fix | None) -> None:
    assert fix_for("site", [path], None) == fix


def test_without_a_path_the_way_depends_on_what_else_is_known() -> None:
    assert fix_for("native", [], None) == fixes.NATIVE
    assert fix_for("site", [held("a.b", "dict")], 0.9) == fixes.GARBAGE
    assert fix_for("site", [], None) == fixes.UNKNOWN
    assert fix_for("site", [], 0.1) == fixes.NO_PATH
    assert fix_for("objects", [], None) is None


def test_a_line_is_linked_by_template() -> None:
    assert sources.source_url(TEMPLATE, "2.4.1", "shop/a b.py", 7) == (
        "https://git.example/shop/blob/2.4.1/shop/a%20b.py#L7"
    )
    assert sources.source_url(TEMPLATE, None, "shop/a.py", 7) is None
    assert sources.source_url(None, "2.4.1", "shop/a.py", 7) is None


def test_no_name_in_a_link_can_change_where_it_leads(hostile: str) -> None:
    url = sources.source_url(TEMPLATE, f"{hostile}/../../{{path}}", f"{hostile}?a=b&c#d", 1)
    assert url is not None
    assert url.startswith("https://git.example/shop/blob/")
    assert not re.search(r"[<>\"'\s?]", url)
    assert url.count("#") == 1


@pytest.mark.parametrize(
    "template",
    ["javascript:alert({path})", "//git.example/{path}", "https://{path}/", "https://a{path}", "https://a/{release}",
     "ftp://a/{path}", "https://a/{path}/{user}", "https://a/{path"],
)  # fmt: skip
def test_a_template_that_leads_anywhere_but_to_a_web_page_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"git\.example|needs \{path\}"):
        sources.checked_template(template)


def test_a_templates_own_words_may_be_in_any_order() -> None:
    assert sources.checked_template("http://a/{path}?at={release}&l={line}")


def test_the_trend_runs_through_the_middle_of_what_was_measured_since_the_leak_was_seen() -> None:
    times = [index * HOUR_S for index in range(11)]
    line = Line("all workers", times, [0.0] * 5 + [index * 10.0 for index in range(6)])
    fit = trend.fitted(line, 5 * HOUR_S, 10.0, 8.0, 12.0)
    assert fit is not None
    assert fit.line.times == [5 * HOUR_S, 10 * HOUR_S]
    assert fit.line.values == [0.0, 50.0]
    assert (fit.low, fit.high) == ([5.0, 45.0], [-5.0, 55.0])
    assert trend.beside(line, fit).values == [None] * 5 + [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]


def test_there_is_no_trend_of_two_points() -> None:
    assert trend.fitted(Line("a", [0.0, 1.0], [1.0, 2.0]), 0.0, 1.0, 1.0, 1.0) is None


def test_the_trend_is_drawn_with_its_interval_and_plotly_knows_each_property(line: Line) -> None:
    fit = trend.Trend(Line("fitted trend", [line.times[0], line.times[-1]], [0.0, 200.0 * MIB]), [0.0, 0.0], [0.0, 1e9])
    figure = charts.leak_figure([line], Marks(), fit)
    go.Figure(data=figure["data"], layout=figure["layout"])
    assert [trace["meta"]["role"] for trace in figure["data"]] == ["area", "edge", "interval", "trend"]
    assert figure["layout"]["yaxis"]["range"][1] >= 1e9
    assert "color" not in str(figure)


def test_a_forecast_is_said_with_its_interval() -> None:
    told = prospects.forecast_outlook(ForecastView(256.0 * MIB, 22_800.0, 18_000.0, None), 0.0)
    assert told.text.replace("\u00a0", " ") == "in 6 h 20 min"
    assert told.note.replace("\u00a0", " ") == "90 %: 5 h to perhaps never, of 256 MiB"
    assert prospects.forecast_outlook(ForecastView(1.0, 5.0, 1.0, 9.0), 10.0).text == "now due"


@pytest.mark.parametrize(
    ("seconds", "text"), [(20, "under 1 min"), (60, "1 min"), (7200, "2 h"), (90_000, "1 d 1 h"), (-5, "under 1 min")]
)
def test_a_span_is_said_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert prospects.span_text(seconds).replace("\u00a0", " ") == text


@pytest.fixture
def full(leak_page: Make) -> LeakPage:
    now = leak_page().now
    return leak_page(
        forecast=ForecastView(256.0 * MIB, now + 22_800, now + 18_000, now + 40_000),
        advice=AdviceView(41_000, 6_150, "Until it is fixed, recycle workers."),
        release_note="New in release 2.4.1: 2.4.0 ran long enough without it.",
        low_bytes_per_request=191.0,
        high_bytes_per_request=222.0,
        source_template=TEMPLATE,
        source_release="2.4.1",
        releases_seen=[
            ReleaseGrowth("production", "2.4.1", now - 9000, now, 28.0 * MIB, 7200.0, 1000, "lk", "open"),
            ReleaseGrowth("staging", "2.4.0", now - 90_000, now - 9000, 0.0, 7200.0, 0, "lk2", "resolved"),
        ],
        generations_seen=[GenerationGrowth("Worker 1", 3, now - 3600, True, 7.0 * MIB, 3600.0, 100)],
        address="http://127.0.0.1:8787/leaks/lk",
    )  # type: ignore[no-any-return]


def test_the_page_says_what_becomes_of_the_leak_and_since_which_release(full: LeakPage) -> None:
    page = words(render.leak_html(full))
    assert "Memory limit in 6 h 20 min 90 %: 5 h to 11 h 7 min, of 256 MiB" in page
    assert "Per request +205 B 90 %: 191 to 222 B" in page
    assert "New in release 2.4.1: 2.4.0 ran long enough without it." in page
    assert "--max-requests 41000 --max-requests-jitter 6150" in page
    assert "2.4.1 now production +14 MiB/h +28.7 KiB" in page
    assert "2.4.0 staging 0 B/h – " in page
    assert "Worker 1 generation 3, alive 1 h ago 1 h +7 MiB +7 MiB/h" in page


def test_the_users_own_frames_link_to_their_source_and_those_of_libraries_do_not(full: LeakPage) -> None:
    page = render.leak_html(full)
    assert re.findall(r'href="(https://[^"]*)"', page) == ["https://git.example/shop/blob/2.4.1/shop/quotes.py#L41"]


def test_the_text_for_an_issue_keeps_its_lines(full: LeakPage) -> None:
    pasted = re.search(r'id="issue-text"[^>]*>(.*?)</pre>', render.leak_html(full), re.DOTALL)
    assert pasted is not None
    assert html.unescape(pasted[1]) == markdown.leak_markdown(full, fixes.UNKNOWN).rstrip()


def test_a_leak_of_another_environment_is_one_click_away(full: LeakPage) -> None:
    assert 'href="/leaks/lk2"' in render.leak_html(full)


def test_what_fills_shows_where_it_will_stop(leak_page: Make, leak_row: Make) -> None:
    page = words(render.leak_html(leak_page(leak=leak_row(status="filling"), ceiling_bytes=36.0 * MIB)))
    assert "Ceiling 36 MiB" in page
    assert "fitted trend" not in page


@pytest.mark.parametrize(
    ("left", "text"), [(None, "Muted for good."), (5.0 * MIB, "Muted until each worker has grown by 5 MiB more.")]
)
def test_a_muted_leak_says_until_when(leak_page: Make, leak_row: Make, left: float | None, text: str) -> None:
    page = words(render.leak_html(leak_page(leak=leak_row(status="muted"), mute_left_bytes=left)))
    assert text.rstrip(".") in page


def test_a_mute_can_be_limited_to_a_growth(leak_page: Make) -> None:
    page = render.leak_html(leak_page())
    assert re.findall(r'<option value="(\d*)"', page) == ["", "10", "50", "100", "500", "1024"]


def test_the_text_for_an_issue_has_the_facts(full: LeakPage) -> None:
    text = markdown.leak_markdown(full, fixes.TABLE).replace("\u00a0", " ")
    assert text.startswith("## Memory leak: `shop/quotes.py:41 remember`\n")
    for fact in (
        "| Growth | +14.2 MiB/h (90 %: 12.9 to 15.3 MiB/h) |",
        "| Memory limit | reached in 6 h 20 min",
        "* shop/quotes.py:41 remember",
        "A module-level table that only grows.",
        "Seen by Heaptide: http://127.0.0.1:8787/leaks/lk",
    ):
        assert fact in text


def test_no_name_becomes_markup_or_a_mention_in_an_issue(leak_page: Make, leak_row: Make) -> None:
    name = "```\n@everyone <b> `x` [a](http://b) | c"
    page = leak_page(
        leak=leak_row(title=name, where=name, release=name), evidence=name, types=[(name, 0.5)],
        frames=[FrameView(name, name, 1, True)],
    )  # fmt: skip
    text = markdown.leak_markdown(page)
    fence = re.search(r"### Stack\n\n(`+)text\n", text)
    assert fence is not None
    assert len(fence[1]) > 3
    evidence = text.split("\n\n")[1]
    assert "@everyone" not in evidence
    assert r"\<b\>" in evidence
    head = text.splitlines()[0].removeprefix("## Memory leak: ")
    assert re.fullmatch(r"(`+)[^`].*[^`]\1", head)


def test_hostile_names_are_harmless_on_every_part(full: LeakPage, hostile: str) -> None:
    page = render.leak_html(
        replace(
            full,
            release_note=hostile,
            advice=AdviceView(None, None, hostile),
            source_release=hostile,
            releases_seen=[replace(full.releases_seen[0], environment=hostile, release=hostile)],
            generations_seen=[replace(full.generations_seen[0], worker=hostile)],
        )
    )
    assert "<script>" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
    assert not re.search(r"<[^>]*\s(style|on[a-z]+)=", page)
    page.encode()
