"""A walk through the pages by keys alone."""

from __future__ import annotations

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser


def press(browser: Any, *keys: str) -> None:
    ActionChains(browser.driver).send_keys(*keys).perform()


def focused(browser: Any) -> str:
    return str(browser.ask("return document.activeElement.innerText"))


def test_rows_are_walked_through_and_opened_by_keys(browser: Any, site: str) -> None:
    browser.look(site)
    press(browser, "j")
    assert focused(browser) == "shop"
    press(browser, "j", "j", "j")
    assert focused(browser) == "checkout"
    press(browser, "k", "k", Keys.ENTER)
    browser.until("return document.querySelector('.leaks')")
    press(browser, "j")
    assert focused(browser) == "shop/quotes.py:41 remember"
    press(browser, Keys.ENTER)
    browser.until("return document.querySelector('.evidence')")
    assert browser.complaints() == []


def test_the_help_opens_and_closes_by_its_key(browser: Any, site: str) -> None:
    browser.look(site)
    press(browser, "?")
    assert "Resolve the leak" in browser.ask("return document.querySelector('dialog[open]').innerText")
    press(browser, "j")
    assert browser.ask("return document.activeElement.closest('table')") is None
    press(browser, "?")
    assert browser.ask("return document.querySelector('dialog[open]')") is None
    browser.ask("document.getElementById('keys-button').click()")
    press(browser, Keys.ESCAPE)
    assert browser.ask("return document.querySelector('dialog[open]')") is None


def test_the_filter_is_a_key_away_and_stands_in_the_address(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    press(browser, "/", "ordersj")
    assert browser.ask("return document.getElementById('filter').value") == "ordersj"
    press(browser, Keys.BACKSPACE, Keys.ESCAPE)
    shown = "return [...document.querySelectorAll('.leaks tbody tr')].filter(r => r.offsetParent).map(r => r.innerText)"
    (row,) = browser.ask(shown)
    assert "shop/orders.py:19" in row
    assert browser.ask("return location.search").endswith("q=orders")
    browser.driver.refresh()
    browser.drawn()
    assert len(browser.ask(shown)) == 1
    browser.ask("document.querySelector('.segments [href*=\"window=24h\"]').click()")
    browser.until("return location.search.includes('window=24h') && document.querySelector('.leaks')")
    assert len(browser.ask(shown)) == 1


@pytest.mark.parametrize(("key", "state"), [("m", "Muted"), ("e", "Resolved")])
def test_a_leak_is_muted_or_resolved_by_a_key_in_its_row_and_on_its_page(
    browser: Any, site: str, key: str, state: str
) -> None:
    browser.look(f"{site}/services/shop")
    press(browser, key)
    assert browser.ask("return document.getElementById('said').innerText").startswith("Choose a leak first")
    browser.ask("[...document.querySelectorAll('.leaks a.whole')].find(a => a.innerText.includes('orders')).focus()")
    press(browser, key)
    browser.until(f"return document.getElementById('said').innerText.startsWith('{state}: shop/orders.py:19')")
    browser.until("return ![...document.querySelectorAll('.leaks')][0].innerText.includes('orders')")
    browser.look(f"{site}/leaks/lk-orders")
    browser.ask("[...document.querySelectorAll('button')].find(b => b.innerText === 'Reopen').click()")
    browser.until("return document.querySelector('.above .state').innerText === 'Leak'")
    press(browser, key)
    browser.until(f"return document.querySelector('.above .state').innerText === '{state}'")
    browser.ask("[...document.querySelectorAll('button')].find(b => b.innerText === 'Reopen').click()")
    browser.until("return document.querySelector('.above .state').innerText === 'Leak'")


def test_keys_with_a_modifier_are_the_browsers_own(browser: Any, site: str) -> None:
    browser.look(site)
    ActionChains(browser.driver).key_down(Keys.CONTROL).send_keys("j").key_up(Keys.CONTROL).perform()
    assert browser.ask("return document.activeElement.closest('table')") is None
