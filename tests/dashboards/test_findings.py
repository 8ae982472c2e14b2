"""The leak's page with what workers found, refused, or weren't asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from heaptide_dashboards.render import leak_html, service_html
from heaptide_dashboards.views import DiagnosisView, HopView, LeakPage, PathView, ResidentRow, ServicePage


def told(**facts: Any) -> DiagnosisView:
    values: dict[str, Any] = {
        "status": "", "reason": "", "at": 1_799_999_900.0, "worker": "pid 10 on web-1", "found_at": None, "ages": [],
        "paths": [], "garbage_share": None, "asked": "", "asked_at": 0.0, "can_ask": True,
    }  # fmt: skip
    return DiagnosisView(**values | facts)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<main")[2]).replace("\xa0", " ").split())


@pytest.fixture
def page(leak_page: Callable[..., LeakPage]) -> Callable[..., str]:
    return lambda **facts: leak_html(leak_page(diagnosis=told(**facts)))


def test_a_leak_that_is_no_site_has_nothing_that_holds_it(leak_page: Callable[..., LeakPage]) -> None:
    assert "What holds it" not in leak_html(leak_page(diagnosis=None))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "No worker has looked yet: one is asked when a suspicion arises"),
        ({"can_ask": False}, "none that is alive samples its allocations"),
        (
            {"asked": "Worker 2, pid 11 on web-1", "asked_at": 1_799_999_990.0},
            "Worker 2, pid 11 on web-1, was asked 10 s ago",
        ),
        (
            {"status": "refused", "reason": "too large to fork"},
            "10 on web-1 couldn't look, 1 min ago : too large to fork.",
        ),
        ({"status": "refused", "reason": "Too large."}, ": Too large. "),
        ({"status": "refused"}, "it gave no reason."),
        ({"status": "done", "found_at": 1.0}, "No path to its samples was found."),
        ({"status": "done", "found_at": 1.0, "garbage_share": 1.0}, "was found: the garbage collector will free them."),
        ({"status": "done", "found_at": 1.0, "reason": "short of time"}, "short of time."),
        ({"status": "done", "found_at": 1.0, "garbage_share": 0.25}, "25 % of what was looked at is held by nothing"),
    ],
)
def test_what_is_known_is_said_in_a_sentence(page: Callable[..., str], facts: dict[str, Any], sentence: str) -> None:
    assert sentence in words(page(**facts))


@pytest.mark.parametrize(
    ("facts", "button"),
    [
        ({}, "Look now"),
        ({"status": "refused"}, "Look again"),
        ({"asked": "Worker 2", "asked_at": 1.0}, None),
        ({"can_ask": False}, None),
    ],
)
def test_the_button_is_there_where_pressing_it_can_do_something(
    page: Callable[..., str], facts: dict[str, Any], button: str | None
) -> None:
    html = page(**facts)
    assert ("Look" in html) == (button is not None)
    assert button is None or f">{button}</button>" in html
    assert ('action="/leaks/lk/diagnose"' in html) == (button is not None)


def test_findings_stay_beside_a_later_refusal(page: Callable[..., str]) -> None:
    path = PathView(3, [HopView("shop._A", "dict", 2)], "", False)
    text = words(page(status="refused", reason="no fork", found_at=1_799_990_000.0, paths=[path]))
    assert "found 2 h ago" in text
    assert "couldn't look" in text
    assert "3 samples shop._A dict of 2" in text


def test_a_path_from_c_without_hops_says_so(page: Callable[..., str]) -> None:
    paths = [PathView(3, [], "", True), PathView(1, [], "", True)]
    text = words(page(status="done", found_at=1.0, paths=paths))
    assert "3 of 4 samples held from C" in text
    assert "An extension holds it" in text
    assert "1 sample held from C" in text


def test_hostile_names_stay_text(page: Callable[..., str], hostile: str) -> None:
    path = PathView(1, [HopView(hostile, hostile, 1, 5)], hostile, False)
    html = page(
        status="refused", reason=hostile, worker=hostile, found_at=1.0, paths=[path, path], ages=[("over 2 h", 3.0)]
    )
    html.encode()
    assert "<script>alert" not in html
    assert not set("\u202e\x07\x00") & set(html)
    assert "f" * 400 not in html


def test_the_resident_set_is_explained_where_it_is_known(service_page: Callable[..., ServicePage]) -> None:
    row = ResidentRow("all workers", 100.0 * 2**20, 60.0 * 2**20, 5.0 * 2**20, None, None, 40.0 * 2**20)
    text = words(service_html(service_page(resident=row, resident_workers=[row])))
    assert "Python 60 MiB ± 5 MiB native 40 MiB" in text
    assert 'id="resident-title"' not in service_html(service_page(resident=None))


def test_garbage_is_told_with_its_error(service_page: Callable[..., ServicePage]) -> None:
    row = ResidentRow("worker 1", 100.0 * 2**20, 60.0 * 2**20, 5.0 * 2**20, None, None, 40.0 * 2**20, 8.0 * 2**20)
    told = replace(row, garbage_error_bytes=1.5 * 2**20)
    text = words(service_html(service_page(resident=told, resident_workers=[told])))
    assert "garbage 8 MiB ± 1.5 MiB" in text
    assert "60 MiB ± 5 MiB 8 MiB ± 1.5 MiB –" in text
    text = words(service_html(service_page(resident=row, resident_workers=[row])))
    assert "garbage 8 MiB native" in text
