"""Sites that meet at one place have one number, however they were asked for."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from heaptide_server.leaks.places import Places
from heaptide_server.model import Frame, Site

SITES = {
    3: Site(3, (Frame("json/encoder.py", "encode", 7, False), Frame("shop/quotes.py", "remember", 41, True))),
    4: Site(4, (Frame("shop/quotes.py", "remember", 44, True),)),
    5: Site(5, (Frame("shop/main.py", "quote", 9, True),)),
    6: Site(6, ()),
}


@pytest.fixture
def asked() -> list[list[int]]:
    return []


@pytest.fixture
def places(asked: list[list[int]]) -> Places:
    def sites(ids: Iterable[int]) -> dict[int, Site]:
        asked.append(list(ids))
        return {number: SITES[number] for number in asked[-1] if number in SITES}

    return Places(sites)


def test_sites_of_one_function_of_the_users_share_a_number_and_other_has_none(places: Places) -> None:
    first, second, third, other = places.of(np.array([3, 4, 5, 6])).tolist()
    assert first == second != third
    assert other < 0
    assert places.name(first) == "shop/quotes.py\0remember"


def test_the_store_is_asked_for_each_site_once(places: Places, asked: list[list[int]]) -> None:
    for _ in range(2):
        places.of(np.array([3, 5]))
    places.of(np.array([5, 4]))
    assert asked == [[3, 5], [4]]
