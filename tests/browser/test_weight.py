"""How much travels: on the first visit, and on each after it."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.browser

FIRST_VISIT_BYTES = 600_000
NEXT_VISIT_BYTES = 50_000
SENT = (
    "return [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
    ".filter(entry => !entry.name.includes('/live')).map(entry => [entry.name, entry.transferSize])"
)


def sent(browser: Any, url: str) -> dict[str, int]:
    browser.look(url)
    return dict(browser.ask(SENT))


@pytest.mark.parametrize("path", ["/services/shop", "/leaks/lk-quotes"])
def test_a_first_visit_is_light_and_the_next_is_lighter(browser: Any, site: str, path: str) -> None:
    browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    first = sent(browser, site + path)
    assert sum(first.values()) < FIRST_VISIT_BYTES
    assert sum(first.values()) > 300_000  # the chart library came over the wire, so the sizes are real
    browser.look("about:blank")
    again = sent(browser, site + path)
    assert sum(again.values()) < NEXT_VISIT_BYTES
    assert [name for name, size in again.items() if "/static/" in name and size > 0] == []
