"""`make pictures`: the README's pictures, taken of the real demo in a real browser."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

FOLDER = Path(__file__).parents[2] / "dashboards" / "pictures"
WIDTH, MARGIN = 1280, 12
SETTLE_S = 30.0  # after the leak was found, so that the charts show some of what follows
DRAWN = (
    "return document.readyState === 'complete' && !document.body.innerText.includes('Adding up')"
    " && [...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn)"
)
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    command = [sys.executable, "-u", "-m", "heaptide", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        leak = _leak(demo)
        time.sleep(SETTLE_S)
        base, _, _ = leak.partition("/leaks/")
        for theme in ("light", "dark"):
            _take(f"{base}/services/shop?environment=demo&window=15m", f"service-{theme}.png", theme, "#part-growth")
        _take(f"{leak}?window=15m", "leak-dark.png", "dark", "section:has(#stack-title)")
        demo.terminate()


def _leak(demo: subprocess.Popen[str]) -> str:
    for line in demo.stdout or ():
        if address := re.search(r"http://\S+/leaks/\w+", line):
            return address.group()
    raise SystemExit("the demo ended before it found the leak")


def _take(url: str, name: str, theme: str, last: str) -> None:
    """Takes a page from its top to the end of an element, so that no card is cut through."""
    with tempfile.TemporaryDirectory() as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={WIDTH},1250"):
            options.add_argument(flag)
        browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
        try:
            browser.execute_cdp_cmd(
                "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
            )
            browser.get(url)
            WebDriverWait(browser, 60).until(lambda driver: driver.execute_script(DRAWN))
            bottom = browser.execute_script(f"return document.querySelector({last!r}).getBoundingClientRect().bottom")
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": bottom + MARGIN, "scale": 1}
            shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
            (FOLDER / name).write_bytes(base64.b64decode(shot["data"]))
        finally:
            browser.quit()


if __name__ == "__main__":
    main()
