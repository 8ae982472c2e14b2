"""Source on a leak's page and in the text for an issue."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from heaptide_dashboards import markdown, render
from heaptide_dashboards.stacks import source_lines
from heaptide_dashboards.views import DiagnosisView, ExcerptView, LeakPage

EXCERPT = ExcerptView(
    "shop/quotes.py",
    "remember",
    41,
    40,
    ("    def remember(self, key):", "        self.all[key] = Quote()", "", "    x"),
)


@pytest.fixture
def page(leak_page: Callable[..., LeakPage]) -> Callable[..., LeakPage]:
    found = DiagnosisView("done", "", 1.0, "pid 10", 1_799_999_990.0, [], [], None, "", 0.0, True)
    return lambda *excerpts: leak_page(diagnosis=found, excerpts=list(excerpts))  # type: ignore[no-any-return]


def code(text: str) -> list[str]:
    """The lines of the page's excerpts as they are read."""
    found = re.findall(r'class="excerpt".*?<pre[^>]*>(.*?)</pre>', text, re.DOTALL)
    return [line for one in found for line in html.unescape(re.sub(r"<[^>]*>", "", one)).split("\n")]


def test_each_line_has_its_number_and_the_frames_own_a_mark_and_words(page: Callable[..., LeakPage]) -> None:
    text = render.leak_html(page(EXCERPT))
    assert code(text) == [
        "40def remember(self, key):", "▸this line: 41    self.all[key] = Quote()", "42", "43x"
    ]  # fmt: skip
    assert 'aria-label="Source around shop/quotes.py, line 41"' in text
    assert ">10\u00a0s ago</time>." in text


def test_indentation_that_all_lines_share_is_left_out_and_empty_lines_have_no_say() -> None:
    assert [line.text for line in source_lines(EXCERPT)] == [
        "def remember(self, key):",
        "    self.all[key] = Quote()",
        "",
        "x",
    ]
    assert [line.marked for line in source_lines(EXCERPT)] == [False, True, False, False]


def test_why_there_are_no_lines_is_said(page: Callable[..., LeakPage]) -> None:
    text = render.leak_html(page(ExcerptView("a.py", "f", 3, 0, (), "the file was changed")))
    assert "No lines: the file was changed." in text
    assert "Source</h3>" not in markdown.leak_markdown(page(ExcerptView("a.py", "f", 3, 0, (), "changed")))


def test_without_source_nothing_is_said_of_it(page: Callable[..., LeakPage]) -> None:
    assert "excerpt" not in render.leak_html(page())
    assert "### Source" not in markdown.leak_markdown(page())


def test_source_is_in_the_text_for_an_issue(page: Callable[..., LeakPage]) -> None:
    told = markdown.leak_markdown(page(EXCERPT))
    assert (
        "### Source\n\n```text\nshop/quotes.py:41 remember\n  40  def remember(self, key):\n"
        "> 41      self.all[key] = Quote()\n  42\n  43  x\n```\n"
    ) in told


def test_hostile_source_stays_text(page: Callable[..., LeakPage], hostile: Any) -> None:
    excerpt = ExcerptView(hostile, hostile, 1, 1, (hostile, f"</pre>{hostile}", "```"), hostile)
    text = render.leak_html(page(excerpt, ExcerptView(hostile, hostile, 1, 0, (), hostile)))
    text.encode()
    assert "<script>" not in text
    assert not set("\u202e\x07\x00") & set(text)
    fence = re.search(r"### Source\n\n(`+)text\n", markdown.leak_markdown(page(excerpt)))
    assert fence is not None
    assert len(fence[1]) > 3
