"""What one can do on a leak's page and on the page that compares, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

pytestmark = pytest.mark.browser


def test_a_leak_is_copied_as_markdown_by_a_button(browser: Any, site: str) -> None:
    grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": site}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
    browser.look(f"{site}/leaks/lk-quotes")
    browser.driver.find_element(By.CSS_SELECTOR, "button[data-copy]").click()
    browser.until("return document.querySelector('button[data-copy]').innerText === 'Copied'")
    copied = browser.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied.startswith("## Memory leak: `shop/quotes.py:41 remember`\n")
    assert "shop.quotes._QUOTES: dict of 48,211\n  -> [key]" in copied
    assert browser.complaints() == []


def test_without_a_clipboard_the_text_is_opened_and_copied_by_selection(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-quotes")
    browser.ask("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    browser.driver.find_element(By.CSS_SELECTOR, "button[data-copy]").click()
    browser.until("return document.querySelector('button[data-copy]').innerText !== 'Copy as Markdown'")
    assert browser.ask("return document.getElementById('issue-text').closest('details').open")


def test_a_leak_is_muted_until_it_grows(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-cache")
    Select(browser.driver.find_element(By.NAME, "grown_mib")).select_by_value("100")
    browser.ask("[...document.querySelectorAll('.mute button')][0].click()")
    browser.until("return document.querySelector('.above .state').innerText === 'Muted'")
    assert "grown by 100" in browser.ask("return document.querySelector('.above').innerText")
    browser.ask("[...document.querySelectorAll('button')].find(b => b.innerText === 'Reopen').click()")
    browser.until("return document.querySelector('.above .state').innerText === 'Leak'")


def test_the_fitted_trend_and_its_interval_are_drawn_over_the_growth(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-quotes")
    assert browser.ask("return document.querySelectorAll('#growth .js-line').length") >= 4
    dashes = browser.ask(
        "return [...document.querySelectorAll('#growth .js-line')].filter(l => l.style.strokeDasharray).length"
    )
    assert dashes >= 1
    browser.ask("document.querySelector('.values').open = true")
    assert "fitted trend" in browser.ask("return document.querySelector('.values').innerText")


def test_a_flame_graph_is_there_before_any_script_and_each_box_says_what_it_is(browser: Any, site: str) -> None:
    browser.look(f"{site}/compare?service=shop&window=1h")
    boxes = browser.ask(
        "return [...document.querySelectorAll('.flame > svg')].map("
        "b => [b.getBoundingClientRect().width, b.querySelector('title').textContent])"
    )
    assert len(boxes) > 5
    assert min(width for width, _ in boxes) > 2
    assert all(" before, " in title and title.split(":")[0] in ("More", "Less", "New", "Same") for _, title in boxes)
    fills = browser.ask(
        "return [...new Set([...document.querySelectorAll('.box')].map(b => getComputedStyle(b).fill))]"
    )
    assert len(fills) >= 2
    assert "rgb(0, 0, 0)" not in fills


def test_a_choice_of_what_is_compared_is_a_permalink(browser: Any, site: str) -> None:
    browser.look(f"{site}/compare?service=shop")
    Select(browser.driver.find_element(By.NAME, "against")).select_by_value("day")
    browser.ask("document.querySelector('.choice button').click()")
    browser.until("return location.search.includes('against=day')")
    address, chosen = browser.ask("return [location.href, document.querySelector('[name=against]').value]")
    browser.look(address)
    assert browser.ask("return document.querySelector('[name=against]').value") == chosen == "day"


@pytest.mark.parametrize(
    "path", ["/leaks/lk-hostile", "/compare?service=%3Cscript%3Ealert(1)%3C/script%3E%E2%80%AE", "/health"]
)
def test_a_hostile_name_runs_nothing_and_breaks_no_width(browser: Any, site: str, path: str) -> None:
    browser.look(f"{site}{path}", width=380)
    assert browser.ask("return document.documentElement.scrollWidth") <= 380
    assert browser.ask("return document.querySelectorAll('main script').length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_source_stands_under_the_stack_its_line_marked_in_more_than_colour(
    browser: Any, site: str, scheme: str
) -> None:
    browser.look(f"{site}/leaks/lk-quotes", 380, scheme)
    marked = browser.ask(
        "return [...document.querySelectorAll('.code-line.at')].map(l => [l.innerText, getComputedStyle(l).fontWeight])"
    )
    assert [(text.split("\n")[-1], weight) for text, weight in marked] == [
        ("41    _QUOTES[key] = quote", "600"), ("27        remember(customer, found)", "600"),
    ]  # fmt: skip
    assert all("▸" in text and "this line:" in text for text, _ in marked)
    wide, inner, page = browser.ask(
        "const pre = document.querySelector('.excerpt pre'), page = document.documentElement.scrollWidth;"
        "return [pre.scrollWidth > pre.clientWidth, getComputedStyle(pre).overflowX, page]"
    )
    assert (wide, inner) == (True, "auto")
    assert page <= 380
    assert "was changed after this process started" in browser.ask(
        "return document.querySelector('.excerpts').innerText"
    )


def test_hostile_source_runs_nothing_and_scrolls_in_its_own_box(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-cache", 380)
    assert browser.ask("return document.documentElement.scrollWidth") <= 380
    lines = browser.ask("return [...document.querySelectorAll('.code-line')].map(l => l.innerText)")
    assert lines[0].endswith("<script>alert(1)</script>\\u202egpj.exe\\x07 \N{ROCKET} \u05e9\u05dc\u05d5\u05dd")
    assert lines[1].count("y") == 1000
    assert lines[2].endswith("</pre>\\x00\\n")
    assert browser.ask("return document.querySelectorAll('main script').length") == 0
    assert browser.complaints() == []
