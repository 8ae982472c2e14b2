"""What the trends are told of what holds a leak."""

from __future__ import annotations

from typing import Any

import pytest

from heaptide_server.leaks.holding import holder
from heaptide_server.model import Bound, Diagnosis, Findings, Hop, Leak, RetentionPath
from heaptide_server.trends.holders import Holder

CACHE = (Hop("shop.pages.page", "functools._lru_cache_wrapper", None, 1000), Hop("cache", "dict", 250))
LIST = (Hop("shop.quotes._QUOTES", "dict", 48211),)


def path(hops: tuple[Hop, ...], count: int, bound: Bound | None = None, from_c: bool = False) -> RetentionPath:
    return RetentionPath(count, hops, bound, from_c)


CACHED = path(CACHE, 90, Bound("functools._lru_cache_wrapper", 1000))


def leak(*paths: RetentionPath, ages: dict[str, float] | None = None) -> Leak:
    findings = Findings(1.0, (), ages, paths)
    facts: dict[str, Any] = dict.fromkeys(field for field in Leak.__dataclass_fields__)
    return Leak(**facts | {"diagnosis": Diagnosis("done", None, 1.0, 1, "web-1", 10, findings)})


def test_a_cache_is_known_with_what_it_will_hold_once_it_is_full() -> None:
    found = holder(leak(CACHED, ages={"under_1_min": 1e6, "older": 2e6}))
    assert found == Holder("shop.pages.page", 1000, bounded=True, full_bytes=12e6)


def test_where_nobody_told_how_full_it_is_it_has_a_bound_all_the_same() -> None:
    found = holder(leak(path((Hop("shop._POOL", "Pool", None, 8),), 9, Bound("Pool", 8)), ages={"older": 1e6}))
    assert found == Holder("shop._POOL", 8, bounded=True)


def test_a_full_one_will_hold_what_it_holds() -> None:
    full = path((Hop("shop._LATEST", "collections.deque", 50, 50),), 9, Bound("collections.deque", 50))
    found = holder(leak(full, ages={"older": 3e6}))
    assert found is not None
    assert found.full_bytes == 3e6


def test_a_leak_beside_a_cache_is_not_excused_by_it() -> None:
    assert holder(leak(CACHED, path(LIST, 60))) is None


def test_what_has_no_bound_is_named() -> None:
    assert holder(leak(path(LIST, 60))) == Holder("shop.quotes._QUOTES", None)


@pytest.mark.parametrize("paths", [(), (path((), 3, from_c=True),)])
def test_what_nobody_holds_that_has_a_name_is_not_known(paths: tuple[RetentionPath, ...]) -> None:
    assert holder(leak(*paths)) is None


def test_before_anybody_answered_nothing_is_known() -> None:
    facts: dict[str, Any] = dict.fromkeys(Leak.__dataclass_fields__)
    assert holder(Leak(**facts)) is None
