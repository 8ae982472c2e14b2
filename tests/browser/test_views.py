"""What can be chosen to see: each view has an address that shows it again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

VIEW = (
    "return [...document.querySelectorAll('[data-plot]')].map(plot => {"
    " const {data, layout} = JSON.parse(plot.dataset.plot);"
    " return [layout.xaxis.type, data.map(trace => [trace.name, trace.meta.role, trace.meta.key ?? null])]; })"
    ".concat([[...document.querySelectorAll('[aria-current=true]')].map(chosen => chosen.innerText.trim())])"
)


def kept_picture(browser: Any, name: str) -> None:
    if folder := os.environ.get("HEAPTIDE_PICTURES"):
        browser.picture(Path(folder) / f"{name}.png")


def follow(browser: Any, words: str) -> None:
    """Follows the link of these words, and waits for the page behind it."""
    browser.ask("window.before = true")
    browser.ask(
        "[...document.querySelectorAll('main a')].find(a => a.textContent.trim() === arguments[0]).click()", words
    )
    browser.until("return !window.before")
    browser.drawn()


def test_choices_add_up_in_the_address_and_a_reload_shows_the_same_view(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    for words in ("24h", "threads", "top 3", "along worker's age", "web-1/2", "2.5.0"):
        follow(browser, words)
    chosen = browser.ask("return Object.fromEntries(new URL(location).searchParams)")
    assert chosen == {
        "environment": "production", "window": "24h", "metric": "threads", "top": "3", "x": "age",
        "worker": "web-1/2", "release": "2.5.0",
    }  # fmt: skip
    view = browser.ask(VIEW)
    browser.driver.refresh()
    browser.drawn()
    assert browser.ask(VIEW) == view
    assert browser.complaints() == []


@pytest.mark.parametrize("width", [1280, 380])
def test_generations_of_a_leak_are_overlaid_by_age(browser: Any, site: str, width: int) -> None:
    browser.look(f"{site}/services/shop?x=age&top=3", width, "dark")
    kept_picture(browser, f"age-{width}")
    lines = browser.ask("return document.querySelectorAll('#growth-chart .js-line').length")
    assert lines >= 20
    assert "start" in browser.ask("return document.getElementById('growth-chart').textContent")
    assert browser.ask("return document.documentElement.scrollWidth") <= width


def test_one_site_is_drawn_alone_with_a_line_a_worker(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    browser.ask("[...document.querySelectorAll('a.pick')].find(a => a.innerText.includes('quotes')).click()")
    browser.until("return document.querySelector('.undo')")
    browser.drawn()
    follow(browser, "each worker")
    legend = browser.ask("return document.querySelector('#part-growth .legend').innerText")
    assert legend.splitlines()[:3] == ["shop/quotes.py:41", "worker 1", "worker 2"]
    assert browser.ask("return document.querySelectorAll('tr.chosen').length") == 1
    follow(browser, "All sites")
    assert "site" not in browser.ask("return location.search")


def test_the_forecast_reaches_the_limit_within_the_chart(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    assert "out of memory in about 2 h" in browser.ask("return document.querySelector('.lede').innerText").replace(
        "\xa0", " "
    )
    legend = browser.ask("return document.querySelector('#part-vital .legend').innerText").replace("\xa0", " ")
    assert "all on web-1" in legend
    assert "memory limit 512 MiB" in legend
    assert "forecast: full in about 2 h" in legend
    fills = browser.ask("return document.querySelectorAll('#vital-chart .js-fill').length")
    assert fills >= 1


def test_a_view_that_does_not_exist_says_what_does(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop?metric=gold")
    assert "metric=gold is none of rss" in browser.ask("return document.querySelector('main').innerText")
