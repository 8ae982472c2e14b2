"""Leaks outside Python's heap, told by what the resident set holds beyond traced and free memory."""

from __future__ import annotations

from typing import Any

import pytest

BASE = 90e6
SECONDS = 110  # two lives of a worker


def native(shop: Any) -> list[Any]:
    shop.leaking = False
    shop.run(SECONDS)
    return [leak for leak in shop.ledger.leaks() if leak.kind == "native" and leak.status == "open"]


@pytest.mark.timeout(180)
def test_what_grows_outside_pythons_heap_is_a_native_leak_of_its_own_size(shop: Any) -> None:
    shop.vitals = lambda served, live: {"rss_bytes": BASE + live + 9000.0 * served}
    (leak,) = native(shop)
    assert leak.bytes_per_request == pytest.approx(9000, rel=0.1)
    assert "No Python allocation site explains it." in leak.evidence


@pytest.mark.timeout(180)
def test_a_resident_set_that_grows_by_what_is_traced_and_a_fifth_is_no_native_leak(shop: Any) -> None:
    shop.more = lambda served: 9000.0 * served
    shop.vitals = lambda _served, live: {"rss_bytes": BASE + 1.2 * live}
    assert native(shop) == []


@pytest.mark.timeout(180)
def test_memory_that_is_freed_but_kept_by_the_process_is_no_native_leak(shop: Any) -> None:
    shop.more = lambda served: max(2e7 - 9000.0 * served, 0.0)
    shop.vitals = lambda _served, _live: {"rss_bytes": BASE + 2e7}
    assert native(shop) == []


@pytest.mark.timeout(180)
def test_memory_that_the_allocators_hold_free_is_no_native_leak(shop: Any) -> None:
    shop.vitals = lambda served, live: {
        "rss_bytes": BASE + live + 9000.0 * served,
        "malloc_free_bytes": 8800.0 * served,
    }
    assert native(shop) == []


@pytest.mark.timeout(180)
def test_lives_shorter_than_the_least_time_convict_no_resident_set(shop: Any) -> None:
    shop.vitals = lambda served, live: {"rss_bytes": BASE + live + 9000.0 * served}
    shop.requests_a_life = 600  # 20 s of half-second reports
    assert native(shop) == []
