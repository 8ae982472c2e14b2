"""Pages as text: what stands in them, and what can't."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from heaptide_dashboards import assets, render
from heaptide_dashboards.choices import Choice
from heaptide_dashboards.keyboard import KEYS
from heaptide_dashboards.marks import Marks
from heaptide_dashboards.views import FrameView, LeakPage, Line, ServicePage, ServicesPage

Make = Callable[..., Any]


def words(page: str) -> str:
    """What a reader sees, in one line; of a part of a page all of it."""
    body = "<main" + page.partition("<main")[2] if "<main" in page else page
    return html.unescape(" ".join(re.sub(r"<[^>]*>", " ", body).split()))


@pytest.fixture
def every_page(service_row: Make, service_page: Make, leak_page: Make, parts: Make, line: Line) -> list[str]:
    return [
        *parts(line, marks=Marks([line.times[1]], [(line.times[1], "2.5.0")], [(line.times[1], "config")])),
        *parts(line, x="age", per="worker", site=7, metric="threads"),
        render.services_html(ServicesPage(0.0, "http://127.0.0.1:8787", [])),
        render.services_html(ServicesPage(1_800_000_000.0, "http://127.0.0.1:8787", [service_row()])),
        render.service_html(service_page()),
        render.service_html(replace(service_page(), leaks=[], workers=[], environments=["a", "b"])),
        render.leak_html(leak_page()),
        render.leak_html(replace(leak_page(), growth=[], frames=[], types=[])),
        render.error_html(404, "Not found", "There is nothing here."),
    ]


def test_no_page_has_a_style_attribute_an_inline_script_or_a_handler(every_page: list[str]) -> None:
    for page in every_page:
        assert not re.search(r"<[^>]*\sstyle=", page)
        assert not re.search(r"<[^>]*\son[a-z]+=", page)
        assert "<style" not in page
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_no_page_names_another_host(every_page: list[str]) -> None:
    for page in every_page:
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
    assert "1 leak, +7.1 MiB/h a worker 2 suspects being watched" in page
    assert page.index("shop") < page.index("No leak found")


def test_a_service_page_names_leaks_and_workers(service_page: Make) -> None:
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


def test_a_table_with_the_values_stands_under_each_chart(parts: Make, line: Line) -> None:
    for part in parts(line)[:4]:
        assert part.count("data-plot=") == part.count("Values as a table") == 1
        assert "100 MiB" in words(part)


def test_a_chart_brings_its_figure_with_it(parts: Make, line: Line) -> None:
    (text,) = re.findall(r"data-plot='([^']*)'", parts(line)[0])
    figure = json.loads(html.unescape(text))
    assert figure["data"][0]["text"][0] == "100\u00a0MiB"


def test_a_choice_stands_in_every_address_of_the_page(service_page: Make) -> None:
    page = render.service_html(service_page(choice=Choice(window="24h", worker="web-1/1", x="age")))
    addresses = [html.unescape(text) for text in re.findall(r'(?:href|hx-get)="(/(?:services|parts)/[^"]*)"', page)]
    assert len(addresses) > 10
    assert sum("window=24h" in address for address in addresses) >= len(addresses) - 5  # but for the other windows
    assert sum("worker=web-1%2F1" in address for address in addresses) >= len(addresses) - 1  # but for "all"
    assert all("x=age" in address for address in addresses)
    assert re.search(r'window=24h[^"]*" aria-current="true"', page)


def test_a_site_is_drawn_alone_and_all_again_by_links(parts: Make, line: Line) -> None:
    several, alone = parts(line, site=7)[1:3]
    assert "site=7" in several
    assert "All sites" in alone


def test_a_rounded_number_has_the_exact_one_in_its_title(parts: Make, line: Line) -> None:
    assert 'title="5,242,880 bytes">+5 MiB<' in parts(line)[1].replace("\u00a0", " ")


def test_what_happened_stands_in_a_list_too(parts: Make, line: Line) -> None:
    marks = Marks((), [(line.times[1], "2.5.0")], [(line.times[2], "cache doubled")])
    page = words(parts(line, marks=marks)[0])
    assert "1 new release" in page
    assert "release 2.5.0" in page
    assert "event cache doubled" in page


def test_many_generations_say_how_many_had_no_room(parts: Make, line: Line) -> None:
    assert "3 older ones left out" in words(parts(line, x="age")[2])


def test_the_help_lists_every_key(service_page: Make) -> None:
    page = words(render.service_html(service_page()))
    for key, meaning in KEYS:
        assert f"{key} {meaning}" in page


def test_static_files_have_an_address_that_changes_with_their_content(service_page: Make) -> None:
    named = re.findall(r'(?:href|src)="/static/([^"?]+)(\?v=[0-9a-f]{12})?"', render.service_html(service_page()))
    assert len(named) >= 8
    assert all(version == f"?v={assets.version(name)}" for name, version in named)


def test_names_are_quoted_in_addresses() -> None:
    assert render.service_url("a/b?c&d", "x y") == "/services/a%2Fb%3Fc%26d?environment=x+y"
    assert render.leak_url("../x", "mute") == "/leaks/..%2Fx/mute"


def test_hostile_names_are_shown_harmlessly(
    hostile: str, service_row: Make, service_page: Make, leak_page: Make, leak_row: Make, line: Line, parts: Make
) -> None:
    leak = leak_row(title=hostile, where=hostile, release=hostile)
    named = {"environments": [hostile, "b"], "slots": [hostile, "b"], "release_names": [hostile, "b"]}
    shown: ServicePage = service_page(leaks=[leak], **named)
    marks = Marks((), [(line.times[1], hostile)], [(line.times[2], hostile)])
    one: LeakPage = leak_page(leak=leak, evidence=hostile, frames=[FrameView(hostile, hostile, 1, False)])
    pages = [
        render.services_html(ServicesPage(0.0, "http://a", [service_row(service="s", release=hostile)])),
        render.service_html(shown),
        render.leak_html(replace(one, types=[(hostile, None)])),
        render.error_html(404, hostile, hostile),
        *parts(replace(line, name=hostile), hostile, marks),
        *parts(replace(line, name=hostile), hostile, marks, x="age", worker=hostile, release=hostile),
    ]
    for page in pages:
        assert "<script>" not in page
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", page)
        assert "f" * 700 not in words(page)
        page.encode()


def test_a_service_page_offers_its_tables_as_files(service_page: Make) -> None:
    page = render.service_html(service_page())
    files = re.findall(r'href="/export/(\w+\.\w+)\?service=shop[^"]*" download', page)
    assert files == ["sites.csv", "leaks.csv", "workers.csv", "sites.collapsed"]
