"""Pages follow what is reported, while somebody looks at them."""

from __future__ import annotations

import time
from typing import Any

import pytest

pytestmark = pytest.mark.browser

OPEN = "return document.getElementById('live').dataset.stream === 'open'"
SEEN = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
TELL = "document.dispatchEvent(new Event('visibilitychange'))"


def test_a_report_reaches_an_open_page_by_itself(browser: Any, empty: Any, first_report: Any) -> None:
    address, store = empty
    store.append([first_report], time.time())
    browser.look(address)
    browser.until(OPEN)
    browser.until("return document.querySelector('#page')")
    before = browser.ask("return document.querySelectorAll('table.services tbody tr').length")
    other = type(first_report.worker)(**vars(first_report.worker) | {"service": "second", "key": "f" * 32})
    store.append([type(first_report)(**vars(first_report) | {"worker": other})], time.time())
    browser.until("return document.querySelectorAll('table.services tbody tr').length === 2")
    assert before == 1
    assert browser.complaints() == []


def test_a_hidden_page_asks_for_nothing_until_it_is_seen_again(browser: Any, empty: Any, first_report: Any) -> None:
    address, store = empty
    browser.look(address)
    browser.until(OPEN)
    browser.ask(SEEN % "true" + TELL)
    assert not browser.ask(OPEN)
    browser.requested()
    store.append([first_report], time.time())
    assert store.heard()[1] == 1
    browser.ask("document.getElementById('live-text').textContent")
    assert browser.requested() == []
    browser.ask(SEEN % "false" + TELL)
    browser.until(OPEN)
    browser.until("return document.querySelector('table.services')")


def test_the_header_says_how_old_the_page_is(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/checkout")
    browser.until(r"return /^Updated\s+\d+ s ago$/.test(document.getElementById('live').innerText.trim())")


def test_times_are_shown_in_the_readers_zone(browser: Any, site: str) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kolkata"})
    try:
        browser.look(f"{site}/services/shop")
        iso, shown, title = browser.ask(
            "const cell = document.querySelector('.values time.clock');"
            "return [cell.dateTime, cell.textContent, cell.title]"
        )
        minutes = int(iso[11:13]) * 60 + int(iso[14:16]) + 330
        assert shown[11:16] == f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
        assert title.endswith("GMT+5:30")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})
