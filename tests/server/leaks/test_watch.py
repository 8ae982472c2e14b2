from __future__ import annotations

from typing import Any

import pytest

from heaptide_server.leaks.diagnosing import Diagnosing


def statuses(shop: Any) -> dict[str, str]:
    return {leak.site.top.file: leak.status for leak in shop.ledger.leaks()}


@pytest.mark.timeout(60)
def test_a_leak_is_open_within_75_s_of_half_second_reports_and_nothing_else_is(shop: Any) -> None:
    shop.run(75)
    (leak,) = shop.ledger.leaks(status="open")
    assert (leak.site.top.file, leak.site.top.function) == ("shop/quotes.py", "remember")
    assert statuses(shop).keys() <= {"shop/quotes.py", "shop/catalogue.py"}
    assert statuses(shop).get("shop/catalogue.py") in (None, "filling", "suspect")
    assert [event.kind for event in shop.told] == ["leak.firing"]
    assert leak.bytes_per_request == pytest.approx(2450, rel=0.1)
    assert leak.bytes_per_hour_low < leak.bytes_per_hour < leak.bytes_per_hour_high
    assert leak.bytes_per_hour == pytest.approx(2450 * 60 * 3600, rel=0.1)
    assert leak.live_bytes > 0
    assert leak.survivor_bytes is None
    assert leak.release == "1"


@pytest.mark.timeout(60)
def test_a_leak_keeps_its_id_when_its_line_moves_and_resolves_once_when_it_is_gone(shop: Any) -> None:
    shop.run(75)
    (before,) = shop.ledger.leaks(status="open")
    shop.deploy("2", leaking=True, line_shift=3)
    shop.run(40)
    (moved,) = shop.ledger.leaks(status="open")
    assert (moved.id, moved.site.top.line) == (before.id, before.site.top.line + 3)
    shop.deploy("3", leaking=False)
    shop.run(60)
    assert shop.ledger.leak(before.id).status == "resolved"
    assert [event.kind for event in shop.told] == ["leak.firing", "leak.resolved"]


@pytest.mark.timeout(60)
def test_a_restarted_collector_goes_on_where_it_was(shop: Any, rewatch: Any) -> None:
    shop.run(40)
    rewatch()
    shop.run(35)
    rewatch()
    shop.run(15)
    assert [event.kind for event in shop.told] == ["leak.firing"]


def test_a_tick_without_news_changes_nothing(shop: Any) -> None:
    shop.run(40)
    before = shop.ledger.leaks()
    for _ in range(20):
        shop.watch.tick(shop.now)
    assert shop.ledger.leaks() == before


@pytest.mark.timeout(60)
def test_a_cache_whose_bound_a_worker_has_told_fills_and_never_opens_while_the_leak_beside_it_does(shop: Any) -> None:
    # 1,500 requests fill a third of it in each worker's life: the series alone is that of a leak.
    shop.held_by = {
        "pages": {"name": "shop.pages.render", "type": "functools._lru_cache_wrapper", "length": 2000, "bound": 6000},
        "leak": {"name": "shop.quotes._QUOTES", "type": "dict", "length": 48211},
        "leak's dict": {"name": "shop.quotes._QUOTES", "type": "dict", "length": 48211},
        "cache": {"name": "shop.catalogue._PAGES", "type": "dict", "length": 500},
        "flat": {"name": "shop.main._LATEST", "type": "dict", "length": 50},
    }
    diagnosing = Diagnosing(shop.store, shop.ledger)
    for _ in range(150):
        shop.run(0.5)
        diagnosing.tick(shop.now)
    (leak,) = shop.ledger.leaks(status="open")
    assert leak.site.top.file == "shop/quotes.py"
    assert leak.evidence.endswith("shop.quotes._QUOTES holds it and has no bound.")
    assert statuses(shop)["shop/pages.py"] == "filling"
    (pages,) = [one for one in shop.ledger.leaks() if one.site.top.file == "shop/pages.py"]
    assert "shop.pages.render holds it, which is bounded at 6,000" in pages.evidence
    assert pages.ceiling_bytes > pages.live_bytes
    assert [event.kind for event in shop.told] == ["leak.firing"]


@pytest.mark.timeout(60)
def test_without_a_tracer_the_types_that_grow_are_one_leak_that_resolves_when_they_stop(shop: Any) -> None:
    shop.untraced = True
    shop.run(75)
    (leak,) = shop.ledger.leaks(status="open")
    assert (leak.kind, leak.site, leak.type_name) == ("objects", None, "shop.quotes.Quote")
    assert "dict by" in leak.evidence
    assert [event.kind for event in shop.told] == ["leak.firing"]
    shop.deploy("2", leaking=False)
    shop.run(60)
    assert shop.ledger.leak(leak.id).status == "resolved"
    assert [event.kind for event in shop.told] == ["leak.firing", "leak.resolved"]
