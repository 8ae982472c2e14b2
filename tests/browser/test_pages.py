"""Each page in a real browser, light and dark, wide and narrow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

PAGES = {
    "services": "/",
    "service": "/services/shop",
    "leak": "/leaks/lk-quotes",
    "hostile": "/leaks/lk-hostile",
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
