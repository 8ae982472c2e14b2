"""The page before anybody has reported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 380])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_visit_shows_what_to_paste(browser: Any, empty: Any, width: int, scheme: str) -> None:
    address, _ = empty
    browser.look(address, width, scheme)
    if folder := os.environ.get("HEAPTIDE_PICTURES"):
        browser.picture(Path(folder) / f"empty-{scheme}-{width}.png")
    pasted = browser.ask("return [...document.querySelectorAll('.paste')].map(pre => pre.innerText.trim())")
    assert pasted[:2] == ["export HEAPTIDE_COLLECTOR=http://127.0.0.1:8787", "import heaptide\nheaptide.start(app)"]
    assert browser.complaints() == []
    assert browser.ask("return document.documentElement.scrollWidth") <= width


def test_the_first_report_replaces_the_first_visit_by_itself(browser: Any, empty: Any, first_report: Any) -> None:
    address, store = empty
    browser.look(address)
    browser.ask("window.same = true")
    browser.until("return document.getElementById('live').dataset.stream === 'open'")
    store.append([first_report], first_report.taken_at)
    browser.until("return document.querySelector('table.services')")
    assert browser.ask("return window.same && document.querySelector('a.whole').innerText") == "shop"
