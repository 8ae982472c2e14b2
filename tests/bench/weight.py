"""What a browser takes of a page: bytes over the wire at the first visit and after, and when its first chart stands."""

from __future__ import annotations

import json
import tempfile
import time

from selenium import webdriver
from tests.bench.table import show

VISITS = 5
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_DRAWN = "return document.querySelector('.chart .js-line') ? performance.now() : null"


def main(url: str, path: str) -> None:
    """Prints the table for a page with a chart."""
    with tempfile.TemporaryDirectory() as profile:
        browser = _browser(profile)
        try:
            browser.get("about:blank")
            visits = [_visit(browser, url + path) for _ in range(VISITS)]
        finally:
            browser.quit()
    show(
        "A leak's page in chromium",
        ["visit", "kB over the wire", "first chart, ms"],
        [[str(n + 1), f"{size / 1000:.0f}", f"{ms:.0f}"] for n, (size, ms) in enumerate(visits)],
    )


def _browser(profile: str) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def _visit(browser: webdriver.Chrome, url: str) -> tuple[int, float]:
    browser.get_log("performance")
    browser.get(url)
    deadline = time.monotonic() + 30
    while (drawn := browser.execute_script(_DRAWN)) is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{url} drew no chart in 30 s")
        time.sleep(0.01)
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sizes = [event["params"]["encodedDataLength"] for event in events if event["method"] == "Network.loadingFinished"]
    browser.get("about:blank")
    return int(sum(sizes)), float(drawn)
