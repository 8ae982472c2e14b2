from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from heaptide_server.leaks import states
from heaptide_server.leaks.releases import note
from heaptide_server.leaks.states import Options, Seen
from heaptide_server.trends.verdict import Verdict

RISING = Verdict(
    0, True, False, False, 9.0, 1e6, 9e5, 1.1e6, 1.0, 1e6, None, "requests", 2, 2, 2, 2, "Rose.", late_bytes=5e5
)
CLEAR = replace(RISING, suspect=False, clear=True)


@pytest.fixture
def look() -> Any:
    def make(release: str | None, verdict: Verdict = RISING, earlier: str | None = None) -> Seen:
        return Seen("id", "shop", "production", "site", None, None, verdict, 1, None, release, earlier)

    return make


def after(*looks: Seen) -> str | None:
    leak, told = None, None
    for now, one in enumerate(looks):
        leak, _ = states.advance(
            leak,
            one,
            float(now),
            Options(open_growth=1.0, whole_growth=1.0, opening_looks=2, least_lives=0.0, patience=0.0),
        )
        told = note(leak, one) if leak else None
    return told


def test_a_leak_is_new_in_a_release_only_if_an_earlier_one_was_seen_without_it(look: Any) -> None:
    assert after(*[look("2.4.1", earlier="2.4.0")] * 3) == "New in release 2.4.1: 2.4.0 ran long enough without it."
    assert after(*[look("2.4.1")] * 3) == "Seen since release 2.4.1, the first one watched."


def test_a_leak_that_goes_on_in_the_next_release_is_the_same_one(look: Any) -> None:
    assert after(*[look("1")] * 3, look("2")) == "The same leak since release 1."


def test_a_leak_that_ends_with_a_release_is_gone_since_then(look: Any) -> None:
    assert after(*[look("1")] * 4, *[look("2", CLEAR)] * 5) == "Gone since release 2."


def test_without_releases_nothing_is_said(look: Any) -> None:
    assert after(*[look(None)] * 3) is None
