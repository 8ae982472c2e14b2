"""Pages for everybody: axe-core's rules, light and dark, wide and narrow."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

pytestmark = pytest.mark.browser

AXE = (files("axe_core_python") / "axe.min.js").read_text()
RUN = (
    "const done = arguments[arguments.length - 1];"
    "axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations.map("
    "one => [one.impact, one.id, one.nodes.slice(0, 4).map(node => node.html.slice(0, 160) + ' ' + "
    "(node.any[0]?.message ?? ''))])))"
)
PAGES = {
    "services": "/",
    "service": "/services/shop",
    "age": "/services/shop?x=age&per=worker&worker=web-1/1",
    "leak": "/leaks/lk-quotes",
    "hostile": "/leaks/lk-hostile",
    "alerts": "/alerts",
    "compare": "/compare?service=shop&window=1h",
    "checks": "/checks?service=shop&environment=production",
    "health": "/health",
    "missing": "/leaks/nothing",
}


def violations(browser: Any) -> list[Any]:
    browser.ask(AXE)
    found = browser.driver.execute_async_script(RUN)
    return [one for one in found if one[0] in ("serious", "critical")]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 380)])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_serious_violation(browser: Any, site: str, name: str, scheme: str, width: int) -> None:
    browser.look(site + PAGES[name], width, scheme)
    browser.ask("for (const folded of document.querySelectorAll('main details')) folded.open = true")
    assert violations(browser) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_first_visit_and_in_the_help(browser: Any, empty: Any, scheme: str) -> None:
    browser.look(empty[0], 1280, scheme)
    browser.ask("document.getElementById('keys-button').click()")
    assert violations(browser) == []


def test_axe_would_find_what_is_wrong(browser: Any, site: str) -> None:
    browser.look(site)
    browser.ask("document.querySelector('main').append(document.createElement('img'))")
    assert [one[1] for one in violations(browser)] == ["image-alt"]


def test_a_chart_has_a_name_and_a_table_with_its_values(browser: Any, site: str) -> None:
    browser.look(f"{site}/services/shop")
    charts = browser.ask(
        "return [...document.querySelectorAll('.chart')].map(chart => "
        "[chart.getAttribute('role'), chart.getAttribute('aria-label'),"
        " chart.closest('.card').querySelectorAll('.values td').length])"
    )
    assert len(charts) == 3
    assert all(role == "img" and name and values > 10 for role, name, values in charts)
