"""Each page in a real browser, light and dark, wide and narrow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.browser

HOSTILE = "<script>alert(1)</script>\u202egpj.exe\u0007 \N{ROCKET} \u05e9\u05dc\u05d5\u05dd"  # as in conftest.py
PAGES = {
    "services": "/",
    "service": "/services/shop",
    "leak": "/leaks/lk-quotes",
    "refused": "/leaks/lk-orders",
    "unexplained": "/leaks/lk-cache",
    "hostile": "/leaks/lk-hostile",
    "strange": f"/services/{quote(HOSTILE)}",
    "alerts": "/alerts",
    "health": "/health",
    "compare": "/compare?service=shop&window=1h",
    "releases": "/compare?service=shop&mode=releases",
    "checks": "/checks?service=shop&environment=production",
    "by-worker": "/services/shop?per=worker&window=24h",
    "by-age": "/services/shop?x=age",
    "missing": "/leaks/nothing",
}
SIZES = pytest.mark.parametrize("width", [1280, 380])
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def kept_picture(browser: Any, name: str) -> None:
    """Keeps a picture where `HEAPTIDE_PICTURES` says, for a person to look at."""
    if folder := os.environ.get("HEAPTIDE_PICTURES"):
        browser.picture(Path(folder) / f"{name}.png")


@SIZES
@SCHEMES
@pytest.mark.parametrize("name", PAGES)
def test_a_page_stays_within_its_policy_its_host_and_its_width(
    browser: Any, site: str, name: str, width: int, scheme: str
) -> None:
    browser.look(site + PAGES[name], width, scheme)
    kept_picture(browser, f"{name}-{scheme}-{width}")
    complaints = [text for text in browser.complaints() if not (name == "missing" and "404" in text)]
    assert complaints == []
    assert [url for url in browser.requested() if not url.startswith((f"{site}/", "data:", "about:"))] == []
    assert browser.ask("return document.documentElement.scrollWidth") <= width
    assert browser.ask("return document.body.innerText.trim().length") > 0


@SCHEMES
def test_the_page_follows_the_systems_theme(browser: Any, site: str, scheme: str) -> None:
    browser.look(site, scheme=scheme)
    red, green, blue = browser.ask("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (red + green + blue > 600) == (scheme == "light")


@pytest.mark.parametrize(("name", "charts"), [("service", 3), ("leak", 1)])
def test_charts_are_drawn_without_a_way_to_upload_them(browser: Any, site: str, name: str, charts: int) -> None:
    browser.look(site + PAGES[name])
    widths = browser.ask(
        "return [...document.querySelectorAll('.chart')].map("
        "chart => Math.max(...[...chart.querySelectorAll('.js-line')].map(line => line.getBoundingClientRect().width)))"
    )
    assert len(widths) == charts
    assert min(widths) > 800
    assert browser.ask("return document.querySelectorAll('.modebar-btn, .modebar a').length") == 0
    assert "MiB" in browser.ask("return document.querySelector('.chart').textContent")


def test_a_chosen_theme_overrides_the_systems_and_lasts(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop", scheme="light")
    before = browser.ask("return document.querySelector('.js-line').style.stroke")
    for _ in ("light", "dark"):
        browser.ask("document.getElementById('theme').click()")
    browser.until(f"return document.querySelector('.js-line').style.stroke !== {before!r}")
    browser.look(site, scheme="light")
    assert browser.ask("return document.documentElement.dataset.theme") == "dark"
    browser.ask("localStorage.clear()")


def test_hostile_names_are_shown_as_they_are(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-hostile")
    title = browser.ask("return document.querySelector('h1').innerText")
    assert "<script>alert(1)</script>\\u202egpj.exe\\x07 \N{ROCKET}" in title
    assert browser.ask("return document.querySelectorAll('main script').length") == 0
    browser.look(site + PAGES["strange"])
    shown = browser.ask("return [document.querySelector('h1').innerText, document.querySelector('.pick').innerText]")
    assert shown[0].startswith("<script>alert(1)</script>\\u202egpj.exe\\x07")
    assert shown[1].startswith("<script>alert(1)</script>\\u202egpj")
    assert browser.ask("return document.querySelectorAll('main script').length") == 0
    assert "f" * 100 not in browser.ask("return document.querySelector('main').innerText")
    assert browser.complaints() == []


def test_the_retention_path_is_at_most_three_clicks_from_the_list_of_services(browser: Any, site: str) -> None:
    browser.look(site)
    browser.ask("[...document.querySelectorAll('a.whole')].find(a => a.innerText === 'shop').click()")
    browser.until("return document.querySelector('.leaks a.whole')")
    browser.ask("document.querySelector('.leaks a.whole').click()")
    browser.until("return document.querySelector('.evidence')")
    assert browser.ask("return document.querySelector('h1').innerText") == "shop/quotes.py:41 remember"
    path = browser.ask("return document.querySelector('.path').innerText")
    assert path.startswith("shop.quotes._QUOTES dict of 48,211")


def test_a_leak_is_muted_and_reopened_by_its_buttons(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-orders")
    for button, state in (("Mute", "Muted"), ("Reopen", "Leak")):
        browser.ask(f"[...document.querySelectorAll('button')].find(b => b.innerText === '{button}').click()")
        browser.until(f"return document.querySelector('.above .state').innerText === '{state}'")
    assert browser.ask("return location.pathname") == "/leaks/lk-orders"
    assert browser.complaints() == []


def test_what_holds_a_leak_reads_as_code_one_hop_a_line(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-quotes")
    lines = browser.ask(
        "return [...document.querySelectorAll('.paths > li:first-child .path li')].map(l => l.innerText)"
    )
    assert lines == [
        "shop.quotes._QUOTES dict of 48,211", "[key] shop.quotes.Quote", "Quote.lines list of 12", "[index] dict of 5",
    ]  # fmt: skip
    others = browser.ask("return [...document.querySelectorAll('.paths summary')].map(line => line.innerText)")
    assert [line.replace("\xa0", " ") for line in others] == [
        "9 samples through shop.quotes.cached", "4 samples held from C",
    ]  # fmt: skip
    browser.ask("for (const part of document.querySelectorAll('.paths details')) part.open = true")
    badges = browser.ask("return [...document.querySelectorAll('.paths .badge')].map(badge => badge.innerText)")
    assert (
        browser.ask("return document.querySelector('.path-head').innerText").replace("\xa0", " ")
        == "187 of 200 samples"
    )
    assert badges == ["bounded: functools._lru_cache_wrapper, at most 500", "held from C"]
    types = browser.ask("return document.querySelector('.types').innerText").replace("\xa0", " ")
    assert "dict\n62 %\nshop.quotes.Quote\n24 %" in types
    ages = browser.ask("return document.querySelector('.ages').innerText").replace("\xa0", " ")
    assert ages.endswith("over 2 h\n6.9 MiB")


def test_a_refusal_is_a_sentence_and_another_look_is_one_click(browser: Any, site: str) -> None:
    browser.look(f"{site}/leaks/lk-orders")
    told = browser.ask("return document.querySelector('.held-note').innerText").strip()
    assert told.startswith("The worker with pid ")
    assert told.endswith("stop it for 286 ms, and 100 ms are allowed.")
    browser.ask("[...document.querySelectorAll('button')].find(b => b.innerText === 'Look again').click()")
    browser.until("return document.querySelector('.held-note')?.innerText.includes('was asked')")
    assert browser.ask("return location.pathname") == "/leaks/lk-orders"
    assert (
        browser.ask("return [...document.querySelectorAll('button')].some(b => b.innerText === 'Look again')") is False
    )
    assert browser.complaints() == []


def test_a_bar_shows_what_the_resident_set_is_made_of(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    bar = ".made-of .made-bar"
    widths = browser.ask(
        f"return [...document.querySelectorAll('{bar} rect')].map(r => r.getBoundingClientRect().width)"
    )
    assert len(widths) == 4
    whole = browser.ask(f"return document.querySelector('{bar}').getBoundingClientRect().width")
    assert abs(sum(widths) - whole) < 2
    colours = browser.ask(f"return [...document.querySelectorAll('{bar} rect')].map(r => getComputedStyle(r).fill)")
    assert len(set(colours)) == 4
    assert "rgb(0, 0, 0)" not in colours
    browser.ask("document.querySelector('#resident-title').closest('section').querySelector('summary').click()")
    assert browser.ask("return document.querySelector('.resident').innerText").count("Worker") >= 2
    kept_picture(browser, "resident-open")
    browser.look(f"{site}/services/shop", 380, "dark")
    browser.ask("document.querySelector('#resident-title').closest('section').querySelector('summary').click()")
    assert browser.ask("return document.documentElement.scrollWidth") <= 380
    kept_picture(browser, "resident-open-380")


def test_a_refresh_keeps_charts_and_opened_parts(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    browser.ask("document.querySelector('.values').open = true; window.chart = document.querySelector('.chart')")
    browser.ask("document.addEventListener('heaptide:part', () => { window.parts = (window.parts ?? 0) + 1 })")
    browser.ask(
        "document.addEventListener('heaptide:updated', () => { window.refreshed = true });"
        "document.getElementById('page').dispatchEvent(new CustomEvent('heaptide:refresh'))"
    )
    browser.until("return window.refreshed && window.parts >= 4")
    assert browser.ask("return document.querySelector('.values').open")
    assert browser.ask("return window.chart.isConnected && window.chart.querySelector('.js-line') !== null")


def test_a_collector_that_does_not_answer_is_said_in_words_and_its_last_answer_stays(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **network})
    try:
        browser.ask("document.getElementById('page').dispatchEvent(new CustomEvent('heaptide:refresh'))")
        browser.until("return document.getElementById('live').innerText.startsWith('no answer for')")
        assert browser.ask("return document.querySelector('.leaks') !== null")
    finally:
        browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": False, **network})
    browser.ask("document.getElementById('page').dispatchEvent(new CustomEvent('heaptide:refresh'))")
    browser.until("return document.getElementById('live').innerText.startsWith('Updated')")
