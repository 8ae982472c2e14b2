"""Pages as text: what stands in them, and what can't."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from heaptide_dashboards import render
from heaptide_dashboards.views import FrameView, LeakPage, Line, ServicePage, ServicesPage

Make = Callable[..., Any]


def words(page: str) -> str:
    """What a reader sees, in one line."""
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", "<main" + page.partition("<main")[2]).split()))


def every_page(service_row: Make, service_page: Make, leak_page: Make) -> list[str]:
    return [
        render.services_html(ServicesPage(0.0, "http://127.0.0.1:8787", [])),
        render.services_html(ServicesPage(1_800_000_000.0, "http://127.0.0.1:8787", [service_row()])),
        render.service_html(service_page()),
        render.service_html(
            replace(service_page(), leaks=[], rss=[], growth=[], sites=[], workers=[], environments=["a", "b"])
        ),
        render.leak_html(leak_page()),
        render.leak_html(replace(leak_page(), growth=[], frames=[], types=[], actions=False)),
        render.error_html(404, "Not found", "There is nothing here."),
    ]


def test_no_page_has_a_style_attribute_an_inline_script_or_a_handler(
    service_row: Make, service_page: Make, leak_page: Make
) -> None:
    for page in every_page(service_row, service_page, leak_page):
        assert not re.search(r"<[^>]*\sstyle=", page)
        assert not re.search(r"<[^>]*\son[a-z]+=", page)
        assert "<style" not in page
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_no_page_names_another_host(service_row: Make, service_page: Make, leak_page: Make) -> None:
    for page in every_page(service_row, service_page, leak_page):
        assert set(re.findall(r"https?://[^\s\"<]+", page)) <= {"http://127.0.0.1:8787"}


def test_the_first_visit_shows_the_lines_to_paste_with_the_collectors_own_address() -> None:
    page = words(render.services_html(ServicesPage(0.0, "https://heap.example:9", [])))
    assert "HEAPTIDE_COLLECTOR= https://heap.example:9" in page
    assert "import heaptide heaptide.start(app)" in page
    assert "heaptide run -- " in page
    assert "HEAPTIDE_TOKEN" not in page


def test_the_first_visit_names_the_token_where_one_is_needed() -> None:
    assert "HEAPTIDE_TOKEN=" in words(render.services_html(ServicesPage(0.0, "http://a", [], needs_token=True)))


def test_a_service_that_leaks_says_so_before_one_that_does_not(service_row: Make) -> None:
    leaking = service_row(service="shop", open_leaks=1, suspects=2, bytes_per_hour=14.2 * 2**20)
    page = words(render.services_html(ServicesPage(1_800_000_000.0, "http://a", [service_row(service="a"), leaking])))
    assert "1 leak, +14.2 MiB/h 2 suspects being watched" in page
    assert page.index("shop") < page.index("No leak found")


def test_a_service_page_names_leaks_sites_and_workers(service_page: Make) -> None:
    page = words(render.service_html(service_page()))
    assert "1 leak, +14.2 MiB/h" in page
    assert "shop/quotes.py:41 remember +14.2 MiB/h +205 B 17 MiB > 99.9 % 2 h ago" in page
    assert "Worker 1 generation 3, pid 4711 on web-1" in page


def test_a_leak_page_has_its_numbers_with_their_interval_and_its_evidence(leak_page: Make) -> None:
    page = words(render.leak_html(leak_page()))
    assert "+14.2 MiB/h 90 %: 12.9 to 15.3 MiB/h" in page
    assert "Grew in each generation." in page
    assert "1 frame in fastapi" in page
    assert "dict 80 %" in page


@pytest.mark.parametrize(
    ("status", "buttons"),
    [
        ("open", ["Resolve", "Mute"]),
        ("suspect", ["Resolve", "Mute"]),
        ("muted", ["Resolve", "Reopen"]),
        ("resolved", ["Reopen"]),
    ],
)
def test_a_leak_offers_what_makes_sense_in_its_state(
    leak_page: Make, leak_row: Make, status: str, buttons: list[str]
) -> None:
    page = render.leak_html(leak_page(leak=leak_row(status=status)))
    assert re.findall(r"<button title=[^>]*>(\w+)</button>", page) == buttons


def test_a_table_with_the_values_stands_under_each_chart(service_page: Make) -> None:
    page = render.service_html(service_page())
    assert page.count("data-figure=") == page.count("Values as a table") == 2
    assert "100 MiB" in words(page)


def test_a_chosen_window_stands_in_every_address_of_the_page(service_page: Make) -> None:
    page = render.service_html(service_page(window_s=86400.0))
    assert page.count("window=24h") == 4  # its own, two figures, and the link that is marked as chosen
    assert re.search(r'window=24h" aria-current="true"', page)


def test_names_are_quoted_in_addresses() -> None:
    assert render.service_url("a/b?c&d", "x y") == "/services/a%2Fb%3Fc%26d?environment=x+y"
    assert render.leak_url("../x", "mute") == "/leaks/..%2Fx/mute"


def test_hostile_names_are_shown_harmlessly(
    hostile: str, service_row: Make, service_page: Make, leak_page: Make, leak_row: Make, line: Line
) -> None:
    leak = leak_row(title=hostile, where=hostile, release=hostile)
    shown: ServicePage = service_page(leaks=[leak], rss=[replace(line, name=hostile)], environments=[hostile, "b"])
    one: LeakPage = leak_page(leak=leak, evidence=hostile, frames=[FrameView(hostile, hostile, 1, False)])
    pages = [
        render.services_html(ServicesPage(0.0, "http://a", [service_row(service="s", release=hostile)])),
        render.service_html(shown),
        render.leak_html(replace(one, types=[(hostile, None)])),
        render.error_html(404, hostile, hostile),
    ]
    for page in pages:
        assert "<script>" not in page
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
        assert "f" * 700 not in words(page)
        page.encode()
